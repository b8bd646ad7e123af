"""A crowd before the portal, in a process of its own: python -m tests.portal.flood PORT.

Of 500 connections 200 say nothing, 200 begin a request, and 100 try to sign in again and again. It says `here` once all
are there, and how many sign-ins were refused, and how many were told to come back, when its standard input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import sys
from collections import Counter

SILENT, BEGUN, BUSY = 200, 200, 100


async def flood(port: int) -> None:
    """Be the crowd until the input ends."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    silent = [(await asyncio.open_connection("127.0.0.1", port))[1] for _ in range(SILENT)]
    begun = [(await asyncio.open_connection("127.0.0.1", port, ssl=context))[1] for _ in range(BEGUN)]
    for writer in begun:
        writer.write(b"POST /login HTTP/1.1\r\nHost: localhost")
    answers: Counter[int] = Counter()
    all_there = asyncio.Event()
    busy = [asyncio.create_task(sign_in(port, context, number, answers, all_there)) for number in range(BUSY)]
    await all_there.wait()
    print("here", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for task in busy:
        task.cancel()
    await asyncio.gather(*busy, return_exceptions=True)
    print(answers[403], answers[503], flush=True)
    for writer in (*silent, *begun):
        writer.transport.abort()


async def sign_in(
    port: int, context: ssl.SSLContext, number: int, answers: Counter[int], all_there: asyncio.Event
) -> None:
    """Wrong passwords, one after the other; whoever is hung up on comes again."""
    body = f"name=nobody{number}&password=wrong".encode()
    head = (
        f"POST /login HTTP/1.1\r\nHost: localhost:{port}\r\nSec-Fetch-Site: same-origin\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    while True:
        with contextlib.suppress(OSError, EOFError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
            try:
                while True:
                    writer.write(head.encode() + body)
                    answer = await reader.readuntil(b"\r\n\r\n")
                    answers[int(answer.split()[1])] += 1
                    length = answer.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
                    await reader.readexactly(int(length))
                    if answers.total() >= BUSY:
                        all_there.set()
            finally:
                writer.transport.abort()


if __name__ == "__main__":
    os.nice(10)  # the crowd comes from other machines: this one's cores are for whoever is asked
    asyncio.run(flood(int(sys.argv[1])))
