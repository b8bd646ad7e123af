"""The codec, its State, its duplicates and its clients: octets in, octets out."""
