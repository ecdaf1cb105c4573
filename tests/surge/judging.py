"""The verdict: what clients saw and what the topics hold, by the checker of the fault campaign."""

import asyncio
import json
import time
from datetime import datetime
from pathlib import Path

import aiohttp

from tests.chaos import reading
from tests.chaos.bank import Bank
from tests.chaos.campaign import HIDDEN
from tests.checker.check import INVARIANTS, LIVE, check
from tests.checker.observations import Finding, Observations, Recovery
from tests.checker.service import NOT_YET
from tests.e2e.stack import Stack
from tests.surge.events import Event
from tests.surge.generator import Seen
from tests.surge.shop import RESTAURANTS

QUIET_SECONDS = 90.0
#: Until what payments were under way is decided.
PAYMENT_SECONDS = 5.0
#: What the campaign has clients for, and a window has not.
UNSEEN = {"no-transaction-open-for-15-s", "followers-miss-nothing", "boards-equal-facts"}


async def judge(stack: Stack, seen: Seen, events: list[Event], figures: dict[str, int]) -> dict[str, Finding]:
    """Wait until all is quiet, read everything, and return what each invariant finds."""
    async with aiohttp.ClientSession() as session:
        await asyncio.sleep(PAYMENT_SECONDS)
        await _quiet(session, stack.url)
        async with reading.Log(stack.bootstrap) as log:
            asked = await log.ends("order.commands")
            await _quiet(session, stack.url)
            bank = Bank(session, stack.environment["PROMO_PROVIDER_PORT"], Path(stack.data_dir))
            observed = Observations(
                calls=[asked.call for asked in seen.asked],
                reads=seen.reads,
                unread=seen.unread,
                recoveries=[Recovery(event.what, event.seconds) for event in events],
                ledger=bank.books(),
            )
            figures |= await reading.observe(observed, log, asked, stack.redis_port)
    figures["facts"] = len(observed.facts)
    figures["orders confirmed"] = len(observed.of("order.confirmed"))
    figures["orders refused"] = len(observed.of("order.failed"))
    figures["customers never told"] = _never_told(observed)
    invariants = {name: one for name, one in (INVARIANTS | LIVE).items() if name not in HIDDEN | UNSEEN}
    return check(observed, invariants)


def _never_told(observed: Observations) -> int:
    asked = {(call.restaurant_id, call.key) for call in observed.calls}
    return len(asked - {(c.restaurant_id, c.key) for c in observed.calls if c.status not in NOT_YET})


async def _quiet(session: aiohttp.ClientSession, url: str) -> None:
    """Return when the views hold all that was asked until now; raises TimeoutError."""
    now = time.time()
    async with asyncio.timeout(QUIET_SECONDS):
        for restaurant in RESTAURANTS:
            while True:
                async with session.get(f"{url}/v1/restaurants/{restaurant}/menu") as answer:
                    page = json.loads(await answer.read()) if answer.status == 200 else None
                if page and datetime.fromisoformat(page["as_of"]).timestamp() > now and not page["degraded"]:
                    break
                await asyncio.sleep(0.2)
