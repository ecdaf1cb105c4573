"""Serving: the parts opened in order, requests taken, the parts closed in the opposite order."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from aiohttp import web
from prometheus_client import start_http_server

from ingress import redis_views
from ingress.app import make_app
from ingress.asking import Asking
from ingress.command_log import KafkaCommandLog
from ingress.health import Health
from ingress.hot_path import shorten
from ingress.redis_views import RedisViews
from ingress.reply_inbox import KafkaReplyInbox
from schemas import metrics
from schemas.settings import Settings

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
#: Connections that may wait to be accepted.
BACKLOG = 1024
#: Added to the longest wait, in seconds, before a request that is under way is given up at shutdown.
SHUTDOWN_GRACE = 1.0


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then finish what is under way."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    if settings.ops_port:
        start_http_server(settings.ops_port, LOOPBACK)
    partition = reply_partition(settings)
    commands = KafkaCommandLog(settings.bootstrap_servers)
    asking = Asking(commands, partition, settings.max_undecided)
    inbox = KafkaReplyInbox(settings.bootstrap_servers, partition, asking.deliver)
    redis = redis_views.connect(settings.redis)
    views = RedisViews(redis)
    health = Health({"commands": commands.is_reachable, "replies": inbox.is_reading, "views": views.ping})
    async with contextlib.aclosing(redis), _running(commands.run(), stop), _running(inbox.run(), stop):
        connected = asyncio.gather(commands.wait_connected(), inbox.wait_reading())
        if not await _before(stop, connected):
            return
        async with _listening(make_app(settings, asking, views, health), settings):
            metrics.ready.set(1)
            log.info(
                "ready on %s:%d, replies in partition %d", settings.http_host, settings.http_port, partition
            )
            await stop.wait()
            metrics.ready.set(0)


def reply_partition(settings: Settings) -> int:
    """Return this process's partition of the replies topic, from its number: `ingress-2` has the second."""
    number = settings.instance.rpartition("-")[2]
    index = int(number) if number.isdigit() else 1
    return (index - 1) % settings.reply_partitions


async def _before(stop: asyncio.Event, awaited: asyncio.Future[Any]) -> bool:
    """Say whether what is awaited came before the stop."""
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait([stopped, awaited], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    return not awaited.cancel()


@contextlib.asynccontextmanager
async def _running(work: Coroutine[Any, Any, None], stop: asyncio.Event) -> AsyncIterator[None]:
    """Work in the background; should the work fail, stop, and raise what it raised."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda _: stop.set())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@contextlib.asynccontextmanager
async def _listening(app: web.Application, settings: Settings) -> AsyncIterator[None]:
    """Take requests; on leaving take no more, and let those under way have their wait."""
    runner = web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=settings.order_wait_seconds + SHUTDOWN_GRACE,
    )
    await runner.setup()
    assert runner.server is not None
    shorten(app, runner.server)
    site = web.TCPSite(runner, settings.http_host, settings.http_port, reuse_port=True, backlog=BACKLOG)
    try:
        await site.start()
        yield
    finally:
        await runner.cleanup()
