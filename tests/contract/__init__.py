"""One suite over every store and every password backend."""
