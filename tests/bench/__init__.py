"""Benchmarks: figures, no verdicts on absolute time."""
