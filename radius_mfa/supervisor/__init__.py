"""The supervisor: opens sockets, forks, waits, signals, and nothing else."""

from radius_mfa.supervisor.program import Errand, Program
from radius_mfa.supervisor.supervisor import Supervisor

__all__ = ["Errand", "Program", "Supervisor"]
