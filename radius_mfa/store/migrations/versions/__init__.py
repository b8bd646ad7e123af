"""One file a revision; the first makes everything."""
