"""radius-mfa as the benchmarks run it: `radius-mfa serve` with audit, on a store of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.bench import process_tree
from tests.bench.population import DIALOGUES
from tests.daemon.peers.freeradius import free_port
from tests.daemon.processes import descriptors, is_udp
from tests.daemon.server import SECRET, Server

REMEMBERED = "passwords: {remember: 1h}\n"
"""As long as the whole benchmark takes: with 5m, the default, each user's hash would be paid again in between."""
FORGOTTEN = "passwords: {remember: off}\n"


class RadiusMfa:
    """One daemon with a copy of `store`. `passwords`: that section of its configuration."""

    secret = SECRET

    def __init__(
        self, folder: Path, store: Path, workers: int, *, passwords: str = REMEMBERED, reject_delay: str = "1s"
    ) -> None:
        folder.mkdir()
        own = folder / "store.db"
        for source, copy in ((store, own), (store.with_name("master.key"), own.with_name("master.key"))):
            shutil.copy(source, copy)
        clients = "\n".join(
            f"- {{shortname: {dialogue}, ipaddr: {address}, secret: SECRET, dialogue: {dialogue}}}"
            for dialogue, address in DIALOGUES.items()
        )
        self.server = Server(
            folder, store=own, clients=clients, more=passwords, reject_delay=reject_delay, workers=workers
        )
        self.port = self.server.port = free_port()

    @property
    def pid(self) -> int:
        assert self.server.process is not None
        return self.server.process.pid

    @property
    def workers(self) -> list[int]:
        """The processes that have the RADIUS sockets."""
        children = self.server.children()
        return [pid for pid in children if any(is_udp(pid, descriptor) for descriptor in descriptors(pid))]

    def launch(self) -> None:
        """Start without waiting."""
        self.server.launch()

    def start(self) -> None:
        """Start, and wait until it says where it listens."""
        self.server.start()

    def stop(self) -> None:
        """End it in peace. AssertionError with its log when it did not go so."""
        status = self.server.close()
        assert status in {0, None}, self.server.log()
        assert "Traceback" not in self.server.log(), self.server.log()

    def memory(self) -> dict[str, int]:
        """Octets of the supervisor, and of the largest worker what is its own."""
        return {
            "supervisor": process_tree.memory(self.pid).proportional,
            "worker_private": max(process_tree.memory(pid).private for pid in self.workers),
        }
