"""How much a visitor may ask of the portal before anything is known of him, and how long he may take for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Times in seconds, sizes in octets. These are the ones of a running portal; tests take shorter ones."""

    head: float = 10.0
    """For a TLS handshake, and again for the head of a request."""
    body: float = 10.0
    """For the whole body of a request."""
    answer: float = 30.0
    """From a request's head until its answer has been handed to the system."""
    idle: int = 5
    """For the next request on a connection."""
    farewell: int = 10
    """For what is under way when it is time to stop: a round may take 4, a refusal is held back for 5."""
    head_size: int = 16 << 10
    form: int = 16 << 10
    """A body for a page."""
    document: int = 64 << 10
    """A body for the API."""
    connections: int = 512
    """Past that, the oldest whose visitor is expected to say something makes room."""
    requests: int = 256
    """Requests that are worked on at once; past that, 503."""


LIMITS = Limits()
