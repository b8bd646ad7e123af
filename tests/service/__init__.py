"""What is installed, and the units that run it."""
