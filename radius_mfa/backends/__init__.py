"""Where passwords are checked, and the slots that bound how many at once."""
