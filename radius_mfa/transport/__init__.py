"""Doors of the daemon: bytes in, bytes out."""
