"""The composition root: the daemon, put together from the configuration. Only here are adapters built."""

from radius_mfa.daemon.generation import serve

__all__ = ["serve"]
