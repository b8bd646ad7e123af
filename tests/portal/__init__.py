"""The portal in browsers of all kinds, and its API."""
