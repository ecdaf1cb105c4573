"""Listening: connections taken on a port that other processes may share, and let go in order."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

from ingress import hot_path
from ingress.connections import Connections, room
from ingress.sending_away import SendingAway

#: Connections that may wait to be accepted.
BACKLOG = 1024


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
        listener = await asyncio.get_running_loop().create_server(
            hot_path.protocols(app, runner.server, connections, away),
            host,
            port,
            reuse_port=True,
            backlog=BACKLOG,
        )
        try:
            async with connections.looked_after():
                yield listener.sockets[0].getsockname()[1]
        finally:
            listener.close()
            away.close()
    finally:
        await runner.cleanup()
