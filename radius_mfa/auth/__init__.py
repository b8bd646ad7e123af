"""The rules of a login, with no clock, no I/O, no logging and no randomness of their own."""
