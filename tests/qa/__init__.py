"""What the tree and the wheel may look like."""
