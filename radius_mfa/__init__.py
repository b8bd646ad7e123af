"""A RADIUS server that asks for a second factor."""

__version__ = "0.1.0"
