"""The one reconnect loop: a Kafka client that failed is closed, and another one opened after a back-off.

A session that stops at a record of a newer release is run again as well: after a rebalance, a process of that release
may have the record's partition.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiokafka.errors import KafkaError

from schemas import metrics
from schemas.codec import NewerVersionError
from schemas.runtime import backoff

log = logging.getLogger(__name__)

#: What aiokafka raises when a broker is gone: its own errors, and at times the socket's.
CONNECTION_ERRORS = (KafkaError, OSError)
#: Bounds of the wait before the next session, in seconds.
FIRST_DELAY_SECONDS = 0.05
MAX_DELAY_SECONDS = 2.0
#: The upper bound where an HTTP client waits for the session.
MAX_URGENT_DELAY_SECONDS = 0.4
#: Between two sessions that stop at a record of a newer release, in seconds.
STOPPED_SECONDS = 10.0

#: Opens its clients, calls its argument once they work, works until it fails or is cancelled, closes its clients.
Session = Callable[[Callable[[], None]], Awaitable[object]]


async def run_reconnecting(
    name: str, session: Session, *, max_delay_seconds: float = MAX_DELAY_SECONDS
) -> None:
    """Run `session(connected)` until it returns; after a connection error or a NewerVersionError run it again.

    `name` is the session's name in logs and in `promo_retries_total`. A call of `connected` resets the back-off. Of equal
    errors in a row, only the first is logged.
    Raises every other error.
    """
    attempt, logged = 0, ""

    def connected() -> None:
        nonlocal attempt, logged
        attempt, logged = 0, ""

    while True:
        try:
            await session(connected)
            return
        except CONNECTION_ERRORS as error:
            attempt += 1
            metrics.retries.labels(name).inc()
            if repr(error) != logged:
                logged = repr(error)
                log.warning("%s failed, reconnecting: %s", name, logged)
        except NewerVersionError as error:
            metrics.newer_records.labels(name).inc()
            log.error("%s stopped: %s", name, error)
            await asyncio.sleep(STOPPED_SECONDS)
            continue
        await asyncio.sleep(
            backoff.delay(attempt, first_seconds=FIRST_DELAY_SECONDS, max_seconds=max_delay_seconds)
        )
