"""What buckets say to each other comes over at least once, in order, and nothing is left behind."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

import pytest
from aiokafka.errors import KafkaConnectionError

from egress.fact_log import Record
from egress.relay import relay
from egress.relay.relay import Relay
from tests.payments.fakes import FakeRequestLog
from tests.waiting import eventually


class Sink:
    """Keeps what is written; the next `failures` fail, each after it was written."""

    def __init__(self) -> None:
        self.written: list[bytes | None] = []
        self.failures = 0

    async def write(self, records: Iterable[Record]) -> None:
        await asyncio.sleep(0)
        self.written.extend(r.value for r in records)
        if self.failures:
            self.failures -= 1
            raise KafkaConnectionError("told to fail")


def filled(count: int) -> FakeRequestLog:
    source = FakeRequestLog()
    for n in range(count):
        source.append_raw(0, b"%d" % n, b"r1#1")
    return source


async def work(source: FakeRequestLog, sink: Sink, until: int) -> None:
    """Let a relay work until so many are written and known to be."""
    running = asyncio.create_task(Relay(source, sink).run())

    async def done() -> bool:
        return running.done() or (len(sink.written) >= until and bool(source.committed))

    await eventually(done)
    if running.done():
        await running
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep positions after every write."""
    monkeypatch.setattr(relay, "COMMIT_SECONDS", 0.0)


async def test_everything_comes_over_in_its_order() -> None:
    """FIFO between two buckets: a menu is there before the orders that need it."""
    source, sink = filled(20), Sink()
    await work(source, sink, 20)
    assert sink.written == [b"%d" % n for n in range(20)]
    assert source.committed == {0: 39}  # behind the last, the gaps of transactions counted


async def test_what_failed_is_written_again_by_the_next() -> None:
    """At least once: a position is kept only behind what is written."""
    source, sink = filled(5), Sink()
    sink.failures = 1
    with pytest.raises(KafkaConnectionError):
        await work(source, sink, 5)
    assert not source.committed
    await work(source, sink, 10)
    assert sink.written == [b"%d" % n for n in range(5)] * 2


async def test_after_a_rebalance_it_goes_on_from_what_is_kept() -> None:
    """What was read before belongs to another life."""
    source, sink = filled(3), Sink()
    source.reassigned = True
    await work(source, sink, 3)
    assert sink.written == [b"0", b"1", b"2"]
