"""Serving: the parts opened in order, requests taken, the parts closed in the opposite order."""

import asyncio
import contextlib
import logging
import resource
import signal
import zlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from ingress import redis_views
from ingress.app import make_app
from ingress.asking import Asking
from ingress.command_log import KafkaCommandLog
from ingress.health import Health
from ingress.listening import listening
from ingress.live.redis_feeds import RedisFeeds, connect_for_messages
from ingress.privacy.keyring import Keyring
from ingress.privacy.keyring_log import KeyringFollower
from ingress.privacy.wrapping import Wrapping
from ingress.redis_views import RedisViews
from ingress.reply_inbox import KafkaReplyInbox
from schemas import metrics
from schemas.ending import end
from schemas.settings import Settings
from schemas.telemetry import ops

log = logging.getLogger(__name__)

#: Added to the longest wait, in seconds, before a request that is under way is given up at shutdown.
SHUTDOWN_GRACE = 1.0
#: Open files that are asked for; the system may allow fewer.
MAX_FILES = 65_536


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then finish what is under way."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    _allow_files()
    if (seen := ops.start(settings)) is not None:
        seen.watch(loop)
    partition = reply_partition(settings)
    commands = KafkaCommandLog(settings.bootstrap_servers)
    asking = Asking(commands, partition, settings.max_undecided, settings.admission_seconds)
    inbox = KafkaReplyInbox(settings.bootstrap_servers, partition, asking.deliver)
    keyring = Keyring(Wrapping(settings.privacy_secret))
    keys = KeyringFollower(settings.bootstrap_servers, keyring)
    redis = redis_views.connect(settings.redis)
    messages = connect_for_messages(settings.redis)
    views = RedisViews(redis)
    checks = {"commands": commands.is_reachable, "replies": inbox.is_reading, "keys": keys.is_whole}
    health = Health(checks | {"views": views.ping})
    async with (
        contextlib.aclosing(redis),
        contextlib.aclosing(messages),
        _running(commands.run(), stop),
        _running(inbox.run(), stop),
        _running(keys.run(), stop),
    ):
        connected = asyncio.gather(commands.wait_connected(), inbox.wait_reading(), keys.wait_whole())
        if not await _before(stop, connected):
            return
        app = make_app(settings, asking, views, health, keyring, RedisFeeds(redis, messages))
        patience = settings.order_wait_seconds + SHUTDOWN_GRACE
        async with listening(app, settings.http_host, settings.http_port, patience, settings.max_connections):
            metrics.ready.set(1)
            log.info(
                "ready on %s:%d, replies in partition %d", settings.http_host, settings.http_port, partition
            )
            await stop.wait()
            metrics.ready.set(0)


def reply_partition(settings: Settings) -> int:
    """Return this process's partition of the replies topic, from its number: `ingress-2` has the second.

    From a name without a number, as Kubernetes gives them, one is drawn: two processes may share a partition,
    and then pass over each other's replies.
    """
    number = settings.instance.rpartition("-")[2]
    index = int(number) - 1 if number.isdigit() else zlib.crc32(settings.instance.encode())
    return index % settings.reply_partitions


def _allow_files() -> None:
    """Have as many open files as this process may: each client that stays is one, and 1,024 is a common default."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


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
        await end(task)
