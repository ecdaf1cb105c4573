"""Faults of the network: one more member joins through a proxy, which then cuts or delays its connections."""

import asyncio
from collections.abc import Callable

from compose.ports import LOOPBACK
from tests.chaos.faults.fault import Inject, Injection
from tests.chaos.proxy import Proxy

DELAY_SECONDS = 0.5
#: How long a member stays after its link is repaired, so that it has time to do wrong.
AFTERMATH_SECONDS = 3.0


def cut_off(role: str) -> Inject:
    """Return: nothing passes, for longer than the session timeout of 6 s at times."""
    return _through_proxy(role, Proxy.cut)


def slow_down(role: str) -> Inject:
    """Return: every response takes half a second longer."""
    return _through_proxy(role, lambda link: setattr(link, "delay", DELAY_SECONDS))


def _through_proxy(role: str, damage: Callable[[Proxy], None]) -> Inject:
    async def inject(injection: Injection) -> None:
        target = injection.target
        link = target.broker_link if role == "streams" else target.redis_link
        address = f"{LOOPBACK}:{link.port}"
        settings = {
            "streams": {"PROMO_KAFKA_BOOTSTRAP_SERVERS": address},
            "egress": {"PROMO_REDIS_URL": f"redis://{address}/0"},
        }
        member = target.start_extra(role, **settings[role])
        injection.undo.push_async_callback(member.stop)
        await member.wait_until_ready()
        injection.undo.push_async_callback(asyncio.sleep, AFTERMATH_SECONDS)
        injection.undo.callback(link.mend)
        damage(link)

    return inject
