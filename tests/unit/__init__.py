"""The rules and other parts as short stories, without a daemon."""
