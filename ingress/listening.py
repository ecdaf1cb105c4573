"""Listening: connections taken on a port that other processes may share, and let go in order."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from aiohttp import web

from ingress import hot_path
from ingress.connections import Connections, room
from ingress.sending_away import SendingAway

#: Sockets of a process on its port. libuv takes one connection of each in a turn of the loop (since 1.45), and under
#: load a turn takes milliseconds: with one socket, new customers would wait for a second while there is time for them.
LISTENERS = 16
#: Connections that may wait to be accepted, on each.
BACKLOG = 256


@contextlib.asynccontextmanager
async def listening(
    app: web.Application, host: str, port: int, patience: float, most: int = 10_000
) -> AsyncIterator[int]:
    """Take requests, and yield the port; on leaving take no more, and give those under way so many seconds.

    Past so many connections at once, the next one is told to come back.
    """
    connections, away = Connections(room(most)), SendingAway()
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=patience)
    await runner.setup()
    assert runner.server is not None
    try:
        protocols = hot_path.protocols(app, runner.server, connections, away)
        async with contextlib.AsyncExitStack() as closing:
            closing.callback(away.close)  # last: who is being sent away is told
            for _ in range(LISTENERS):
                listener = await _listener(protocols, host, port)
                closing.callback(listener.close)
                port = listener.sockets[0].getsockname()[1]
            async with connections.looked_after():
                yield port
    finally:
        await runner.cleanup()


async def _listener(protocols: Callable[[], asyncio.Protocol], host: str, port: int) -> asyncio.Server:
    """Listen with one more socket; the kernel shares new connections out among all of a port, ours and others'."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(protocols, host, port, reuse_port=True, backlog=BACKLOG)
