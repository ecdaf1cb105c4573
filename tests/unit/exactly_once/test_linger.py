"""How long a partition waits for more messages."""

import asyncio
import random

from hypothesis import given
from hypothesis import strategies as st

from streams.exactly_once.linger import LINGER_SECONDS, MIN_MESSAGES_PER_SECOND, Linger
from streams.exactly_once.position import POSITION_KEY
from streams.exactly_once.processor import Processor
from tests.support.exactly_once.counting import counts, processor
from tests.support.exactly_once.memory import MemoryBroker, MemoryLog, MemoryStore
from tests.support.waiting import eventually

SECONDS = 5.0


def measured(*rates: float, seed: int = 0) -> Linger:
    """Return a Linger that has measured these rates of messages, one partition each."""
    rng, linger = random.Random(seed), Linger()
    for number, rate in enumerate(rates):
        now = 0.0
        while rate and (now := now + rng.expovariate(rate)) < SECONDS:
            linger.record_batch(str(number), 1, now)
    return linger


@given(st.lists(st.floats(0.0, MIN_MESSAGES_PER_SECOND / 8), min_size=1, max_size=4), st.integers(0, 99))
def test_no_partition_waits_under_little_load(rates: list[float], seed: int) -> None:
    linger = measured(*rates, seed=seed)
    assert [linger.delay(str(number), SECONDS) for number in range(len(rates))] == [0.0] * len(rates)


@given(st.lists(st.floats(60.0, 300.0), min_size=2, max_size=4), st.integers(0, 99))
def test_every_partition_waits_under_much_load(rates: list[float], seed: int) -> None:
    linger = measured(*rates, seed=seed)
    assert [linger.delay(str(number), SECONDS) for number in range(len(rates))] == [LINGER_SECONDS] * len(
        rates
    )


def test_a_quiet_partition_does_not_wait_for_messages() -> None:
    """However busy the others are."""
    linger = measured(300.0, 1.0)
    assert linger.delay("0", SECONDS) == LINGER_SECONDS
    assert linger.delay("1", SECONDS) == linger.delay("never seen", SECONDS) == 0.0


def test_the_rate_of_a_lost_partition_decays() -> None:
    linger = measured(300.0, 30.0)
    assert linger.delay("1", SECONDS) == LINGER_SECONDS
    for number in range(150):
        linger.record_batch("1", 1, SECONDS + number / 30)
    assert linger.delay("1", SECONDS + 5.0) == 0.0


async def lingering(broker: MemoryBroker) -> tuple[Processor, asyncio.Task[None]]:
    """Return a processor that has one message, and waits for the many that it expects."""
    linger = Linger()
    worker = processor(MemoryLog(broker), MemoryStore(), linger=linger)
    await worker.take_over()
    linger.record_batch(worker.name, 200, asyncio.get_running_loop().time())
    worker.feed([broker.put(b"a", 1)])
    task = asyncio.create_task(worker.run())
    await asyncio.sleep(0)
    return worker, task


async def test_under_much_load_messages_share_a_transaction():
    """Rule 4: a batch waits for the messages that are expected."""
    broker = MemoryBroker()
    worker, task = await lingering(broker)
    worker.feed([broker.put(b"a", 2)])
    await eventually(lambda: worker.position.offset == 2)
    assert counts(broker) == [(b"a", b"1"), (b"a", b"2")]
    assert [key for key, _ in broker.changelog].count(POSITION_KEY) == 1
    worker.stop()
    await task


async def test_a_processor_stopped_while_it_waits_begins_nothing():
    """No transaction is begun after `stop`."""
    broker = MemoryBroker()
    worker, task = await lingering(broker)
    worker.stop()
    await task
    assert counts(broker) == [] and worker.position.offset == 0
