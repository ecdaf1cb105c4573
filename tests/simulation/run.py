"""One seed: the same seed twice gives the same trace."""

import asyncio
import hashlib
import logging
import random
from collections import Counter

from msgspec import Struct
from msgspec.structs import replace

from egress.projections.projection import ViewWrite, project
from schemas import codec
from schemas.topics import (
    CATALOG_CHANGED,
    DEAD_LETTER_TOPICS,
    FACT_TOPICS,
    ORDER_COMMANDS,
    ORDER_REPLIES,
    WATERMARKS,
)
from streams.agents.command_handler import CommandHandler
from streams.exactly_once.ports import Message, Output
from tests.checker.invariants import ESCROW_INVARIANTS, INVARIANTS, check, violations
from tests.checker.lives import separate_lives
from tests.checker.observations import Fact, Finding, Observations
from tests.simulation import virtual_time
from tests.simulation.cluster import POLICY, TIMEOUT_SECONDS, Cluster
from tests.simulation.customers import Customers, value_of
from tests.simulation.faults import Faults
from tests.simulation.releases import newer_fields_are_kept

COMMANDS = 500
FAULTS = 14
#: Steps in which the faults strike; a run of 500 commands has about three times as many.
FAULT_STEPS = 1_500

#: Commands without a reply.
WITHOUT_REPLY = (b'"payment-result"', b'"mirror"', b'"ask-portions"', b'"lend-portions"', b'"offer-portions"')
DEAD_LETTERS = DEAD_LETTER_TOPICS[ORDER_COMMANDS.name].name
FACT_CLASSES = {topic.name: cls for cls, topic in FACT_TOPICS.items()}


class SeedResult(Struct):
    """The result of one seed."""

    seed: int
    trace: str
    faults: Counter[str]
    findings: dict[str, Finding]

    @property
    def violations(self) -> dict[str, list[str]]:
        return violations(self.findings)


def simulate(
    seed: int, commands: int = COMMANDS, faults: int = FAULTS, buckets: int = 1, open_rate: int = 0
) -> SeedResult:
    """Run one seed to the end, and check it; with buckets, faults hit the commands between them, too."""
    logging.disable(logging.ERROR)
    random.seed(seed)  # the processor's jitter
    rng = random.Random(seed)
    digest = hashlib.blake2b(digest_size=16)

    def trace(*event: object) -> None:
        digest.update(repr(event).encode())

    plan = Faults(rng, faults, FAULT_STEPS)
    customers = Customers(rng, plan, trace, commands, buckets)
    partitions = max(2, buckets)
    policy = replace(POLICY, buckets=buckets, open_rate=open_rate)
    cluster = Cluster(
        rng,
        plan,
        trace,
        customers.deliver,
        partitions=partitions,
        new_handler=lambda: CommandHandler(policy),
    )

    async def main() -> None:
        cluster.start()
        await asyncio.wait_for(customers.run(cluster), TIMEOUT_SECONDS)
        await cluster.wait_until_decided()
        await customers.wait_until_settled()
        await cluster.wait_until_decided()

    stuck = Finding(checked=1)
    try:
        virtual_time.run(main())
    except (AssertionError, TimeoutError) as error:
        stuck.violations.append(str(error) or "customers never get a reply")
    finally:
        logging.disable(logging.NOTSET)
    seen = observe(cluster, customers, rng)
    findings = check(seen, INVARIANTS | ESCROW_INVARIANTS if buckets > 1 else INVARIANTS)
    findings["everything-is-decided"] = stuck
    findings["newer-fields-are-kept"] = newer_fields_are_kept(cluster.brokers)
    return SeedResult(seed, digest.hexdigest(), plan.struck, findings)


def observe(cluster: Cluster, customers: Customers, rng: random.Random) -> Observations:
    """Return the observations of an outside reader of this cluster."""
    seen = Observations(
        calls=customers.calls,
        poisoned=customers.poisoned,
        answers_ahead=customers.answers_ahead,
        cash_limits={
            "customer": POLICY.cash_orders_per_customer,
            "address": POLICY.cash_orders_per_address,
        },
    )
    seen.promotion_retirement_ms = POLICY.promotion_retirement_seconds * 1000
    seen.puts = customers.puts
    seen.ledger = customers.provider.ledger
    views = Views()
    deliveries = []
    for partition, broker in enumerate(cluster.brokers):
        seen.inputs.extend(name for m in broker.inputs if (name := _name(m)) is not None)
        for offset, output in enumerate(broker.outputs):
            headers = dict(output.headers)
            if (replied := _replied_command(output.topic, headers)) is not None:
                seen.answered.append(replied)
            if output.topic in FACT_CLASSES:
                event_id = headers["event-id"].decode()
                seen.facts.append(Fact(output.topic, partition, offset, event_id, value_of(output.value)))
                deliveries.extend([(partition, output)] * rng.choice([1, 1, 2]))
            elif output.topic == DEAD_LETTERS:
                seen.dead_letters += 1
    separate_lives(seen)
    for partition, output in _reordered(deliveries, rng):
        fact = codec.decode(FACT_CLASSES[output.topic], output.value or b"")
        views.apply(project(fact, partition))
    seen.views = views.fields
    return seen


def _reordered(deliveries: list[tuple[int, Output]], rng: random.Random) -> list[tuple[int, Output]]:
    """Return the deliveries as egress may read them: topics concurrently, and again after a crash.

    A topic is read in its order. That counts for catalogues alone: their deletions leave nothing behind.
    """
    is_of_catalogue = [output.topic == CATALOG_CHANGED.name for _, output in deliveries]
    in_order = iter([one for one, of_it in zip(deliveries, is_of_catalogue, strict=True) if of_it])
    rng.shuffle(deliveries)
    return [
        next(in_order) if output.topic == CATALOG_CHANGED.name else (partition, output)
        for partition, output in deliveries
    ]


def _name(message: Message) -> str | None:
    """Return the name under which a command gets a reply; None if it gets none."""
    if b'"hops"' in (message.value or b""):
        return None  # forwarded: the bucket that decides it replies under its first name
    if address := codec.reply_address(message.headers):
        return address.correlation_id.decode()
    if any(kind in (message.value or b"") for kind in WITHOUT_REPLY):
        return None
    return f"{message.partition}-{message.offset}"


def _replied_command(topic: str, headers: dict[str, bytes]) -> str | None:
    """Return the name of the command that this record is a reply to, if it is one."""
    if topic == DEAD_LETTERS:
        return f"{headers['dlq-partition'].decode()}-{headers['dlq-offset'].decode()}"
    if topic == ORDER_REPLIES.name:
        return headers["correlation-id"].decode()
    if topic == WATERMARKS.name:
        return headers["event-id"].decode().rpartition("-")[0]
    return None


class Views:
    """A small Redis: compare and set by version, as egress/projections/lua/apply_batch.lua does."""

    def __init__(self) -> None:
        self.fields: dict[str, dict[str, str]] = {}
        self._deletions: dict[str, int] = {}  # the version of the latest, by restaurant

    def apply(self, writes: list[ViewWrite]) -> None:
        """Set or delete the fields unless they have these versions or later ones."""
        before = self._deletions.copy()
        for write in writes:
            current = self.fields.get(write.key, {}).get(write.field)
            known = before.get(write.owner, 0) if current is None else int(current.partition("|")[0])
            if write.value is None:
                self._deletions[write.owner] = max(write.version, self._deletions.get(write.owner, 0))
            self.put(write, known)

    def put(self, write: ViewWrite, known: int) -> None:
        """Set or delete the field, if its version is greater than the known one."""
        view = self.fields.setdefault(write.key, {})
        if write.version <= known:
            return
        if write.value is None:
            view.pop(write.field, None)
        else:
            view[write.field] = f"{write.version}|{write.value.decode()}"
