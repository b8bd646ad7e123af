"""A damaged database is found out at start, not by a login that no longer sees a token."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.daemon.conftest import Start
from tests.daemon.server import Server


def overwrite_the_tokens(server: Server) -> None:
    """Turn the cells of the table of tokens into zeros."""
    with closing(sqlite3.connect(server.store)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'token'").fetchone()[0]
    with server.store.open("r+b") as file:
        file.seek(page * size - 400)
        file.write(bytes(400))


def test_a_start_refuses_a_damaged_page(start: Start) -> None:
    """Zeros where the tokens were: the daemon ends with 78, one error and what mends it."""
    server = start(more="mfa: {not_enrolled: accept}\n")
    server.add_user()
    server.close()
    overwrite_the_tokens(server)
    server.launch()
    assert server.process is not None
    assert 78 == server.process.wait(20)
    server.process = None
    lines = [line for line in server.log().splitlines() if line.startswith(("error:", "hint:"))]
    assert ["error", "hint"] == [line.partition(":")[0] for line in lines], server.log()
    assert "damaged" in lines[0]
