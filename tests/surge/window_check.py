"""The check of a window: the observations of clients and topics, by the checker of the fault campaign."""

import asyncio
import json
import time
from datetime import datetime
from pathlib import Path

import aiohttp

from tests.chaos import observer
from tests.chaos.campaign import INVISIBLE
from tests.chaos.provider_books import ProviderBooks
from tests.checker.invariants import INVARIANTS, STACK_INVARIANTS, check
from tests.checker.observations import Finding, Observations, Recovery
from tests.checker.service import NOT_YET
from tests.e2e.stack import Stack
from tests.surge.events import WindowEvent
from tests.surge.generator import GeneratorObservations
from tests.surge.restaurants import RESTAURANTS

QUIET_TIMEOUT_SECONDS = 90.0
#: Time for the last payments.
PAYMENT_SECONDS = 5.0
#: Their clients are part of the campaign only.
NOT_OBSERVED = {"no-transaction-open-for-15-s", "followers-miss-nothing", "boards-equal-facts"}


async def check_window(
    stack: Stack, seen: GeneratorObservations, events: list[WindowEvent], figures: dict[str, int]
) -> dict[str, Finding]:
    """Wait for quiet, read topics, views and ledger, and return the findings; adds to the figures."""
    async with aiohttp.ClientSession() as session:
        await asyncio.sleep(PAYMENT_SECONDS)
        await _wait_for_quiet(session, stack.url)
        async with observer.TopicReader(stack.bootstrap) as reader:
            command_ends = await reader.ends("order.commands")
            await _wait_for_quiet(session, stack.url)
            provider = ProviderBooks(session, stack.environment["PROMO_PROVIDER_PORT"], Path(stack.data_dir))
            observed = Observations(
                calls=[timed.attempt for timed in seen.attempts],
                reads=seen.reads,
                failed_reads=seen.failed_reads,
                recoveries=[Recovery(event.name, event.seconds) for event in events],
                ledger=provider.entries(),
            )
            figures |= await observer.observe(observed, reader, command_ends, stack.redis_port)
    figures["facts"] = len(observed.facts)
    figures["orders confirmed"] = len(observed.of("order.confirmed"))
    figures["orders refused"] = len(observed.of("order.failed"))
    figures["orders without a final status"] = _count_not_final(observed)
    candidates = INVARIANTS | STACK_INVARIANTS
    return check(observed, {n: one for n, one in candidates.items() if n not in INVISIBLE | NOT_OBSERVED})


def _count_not_final(observed: Observations) -> int:
    keys = {(attempt.restaurant_id, attempt.key) for attempt in observed.calls}
    return len(keys - {(a.restaurant_id, a.key) for a in observed.calls if a.status not in NOT_YET})


async def _wait_for_quiet(session: aiohttp.ClientSession, url: str) -> None:
    """Return once the views hold all decisions so far. Raises TimeoutError."""
    now = time.time()
    async with asyncio.timeout(QUIET_TIMEOUT_SECONDS):
        for restaurant in RESTAURANTS:
            while True:
                async with session.get(f"{url}/v1/restaurants/{restaurant}/menu") as response:
                    page = json.loads(await response.read()) if response.status == 200 else None
                if page and datetime.fromisoformat(page["as_of"]).timestamp() > now and not page["degraded"]:
                    break
                await asyncio.sleep(0.2)
