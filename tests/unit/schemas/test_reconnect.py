"""The reconnect loop."""

import asyncio
import logging
from collections.abc import Callable

import pytest
from aiokafka.errors import KafkaConnectionError
from prometheus_client import REGISTRY

from schemas.runtime import backoff, reconnect
from schemas.runtime.reconnect import run_reconnecting

Step = Exception | str


class Sessions:
    """Sessions that go as planned: an error before or after `connected`, or a normal end."""

    def __init__(self, *plan: Step) -> None:
        self.plan = list(plan)

    async def __call__(self, connected: Callable[[], None]) -> None:
        step = self.plan.pop(0)
        if step == "connected":
            connected()
            step = self.plan.pop(0)
        if isinstance(step, Exception):
            raise step


@pytest.fixture(autouse=True)
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The attempts that a wait was drawn for; each wait is cut short."""
    drawn: list[int] = []

    def delay(attempt: int, **bounds: float) -> float:
        drawn.append(attempt)
        return 0.0

    monkeypatch.setattr(backoff, "delay", delay)
    return drawn


def counted(name: str) -> float:
    return REGISTRY.get_sample_value("promo_retries_total", {"name": name}) or 0.0


async def test_a_failed_session_is_replaced_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Contract: `promo_retries_total{name}`."""
    before = counted("reader")
    with caplog.at_level(logging.WARNING, reconnect.__name__):
        await run_reconnecting("reader", Sessions(KafkaConnectionError("gone"), OSError("reset"), "done"))
    assert counted("reader") == before + 2
    assert [record.getMessage().partition(",")[0] for record in caplog.records] == ["reader failed"] * 2


async def test_equal_errors_in_a_row_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """A missing topic fills no log; after a session, and for another error, there is a line again."""
    gone = [OSError("gone") for _ in range(3)]
    plan = [*gone, OSError("reset"), "connected", OSError("gone"), "done"]
    with caplog.at_level(logging.WARNING, reconnect.__name__):
        await run_reconnecting("reader", Sessions(*plan))
    assert [record.getMessage().partition("('")[2][:4] for record in caplog.records] == [
        "gone",
        "rese",
        "gone",
    ]


async def test_waits_grow_until_a_session_is_connected(attempts: list[int]) -> None:
    """Clients do not overrun a broker that restarts; after a session the first wait is short again."""
    failures = [OSError() for _ in range(3)]
    await run_reconnecting("reader", Sessions(*failures, "connected", OSError(), "done"))
    assert attempts == [1, 2, 3, 1]


async def test_other_errors_end_the_loop() -> None:
    """A defect must not be retried in silence."""
    with pytest.raises(ValueError, match="defect"):
        await run_reconnecting("reader", Sessions(ValueError("defect")))


async def test_a_cancelled_loop_ends() -> None:
    """At shutdown."""
    task = asyncio.ensure_future(run_reconnecting("reader", lambda connected: asyncio.Event().wait()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
