"""A running daemon, driven by real clients."""
