"""The installed command, run as people run it."""
