"""The listening sockets of an ingress process, on a port that other processes may share."""

import asyncio
import contextlib
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

from ingress.server.aiohttp_protocol import make_request_handler
from ingress.server.connection import ConnectionFactory, ServerConnection
from ingress.server.connection_limits import Connections
from schemas.runtime.cancellation import in_background

#: Sockets of a process on its port. libuv (since 1.45) accepts one connection of each socket in a turn of the loop,
#: and under load a turn takes milliseconds: behind one socket, new customers would wait for a second.
LISTENING_SOCKETS = 16
#: Connections that may wait to be accepted, on each socket.
BACKLOG = 256

BaseHandler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def listen(
    app: web.Application,
    factory: ConnectionFactory,
    host: str,
    port: int,
    shutdown_timeout: float,
    connections: Connections,
) -> AsyncIterator[int]:
    """Accept connections for the length of the block, and yield the port.

    Args:
        app: The application.
        factory: Makes the protocol of each connection.
        host: The address.
        port: The port; 0 lets the system choose one.
        shutdown_timeout: How many seconds requests in flight may take after the block.
        connections: Counts them, and says which are rejected.
    """
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=shutdown_timeout)
    await runner.setup()
    server = runner.server
    assert server is not None
    server.request_handler = _timed(server.request_handler)
    try:
        async with contextlib.AsyncExitStack() as closing:
            closing.callback(factory.close)  # after the sockets, before aiohttp closes the connections
            for _ in range(LISTENING_SOCKETS):
                listener = await asyncio.get_running_loop().create_server(
                    lambda: factory.connect(make_request_handler(server), connections),
                    host,
                    port,
                    reuse_port=True,  # the kernel distributes new connections over the sockets of a port
                    backlog=BACKLOG,
                )
                closing.callback(listener.close)
                port = listener.sockets[0].getsockname()[1]
            async with in_background(connections.enforce_timeouts()):
                yield port
    finally:
        await runner.cleanup()


def _timed(handler: BaseHandler) -> BaseHandler:
    """Return the handler, which also informs the connection when a request starts and finishes."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        connection = request.transport.get_protocol() if request.transport else None
        task = asyncio.current_task()
        if isinstance(connection, ServerConnection) and task is not None:
            connection.request_started()
            task.add_done_callback(
                lambda _: connection.request_finished(request)
            )  # the task ends when the response is written
        try:
            return await handler(request)
        except ConnectionError as error:
            # The request keeps this error, and the error the frames that have read the body: a cycle, which would hold
            # a body of each client that leaves until the next full collection.
            traceback.clear_frames(error.__traceback__)
            raise

    return handle
