"""Bugs in the exactly-once runtime."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from streams.exactly_once import micro_batch, processor, unknown_fields
from streams.exactly_once.ports import StoreError
from streams.exactly_once.position import POSITION_KEY
from streams.exactly_once.record_codec import RecordCodec
from streams.exactly_once.staging import StagedTable
from tests.simulation import cluster, worker
from tests.simulation.mutants.planted import mutant
from tests.support.exactly_once import memory


@mutant("each-input-is-answered-once")
def process_below_the_position() -> Iterator[None]:
    original = micro_batch.run

    def run_all(messages, position, *rest, **options):
        low = min((m.offset for m in messages), default=position.offset)
        return original(messages, position._replace(offset=min(low, position.offset)), *rest, **options)

    with patch.object(processor.micro_batch, "run", run_all):
        yield


@mutant(
    "stock-versions-without-gap", "legal-transitions", "one-order-per-key", "catalogue-versions-without-gap"
)
def leave_the_changelog_out_of_the_transaction() -> Iterator[None]:
    original = memory.MemoryLog.produce

    async def produce(self, outputs, changes):
        position = {k: v for k, v in changes.items() if k == POSITION_KEY}
        return await original(self, outputs, position)

    with patch.object(memory.MemoryLog, "produce", produce):
        yield


@mutant("each-input-is-answered-once")
def leave_the_position_out_of_the_transaction() -> Iterator[None]:
    original = memory.MemoryLog.produce

    async def produce(self, outputs, changes):
        state = {k: v for k, v in changes.items() if k != POSITION_KEY}
        return await original(self, outputs, state)

    with (
        patch.object(memory.MemoryLog, "produce", produce),
        patch.object(memory.MemoryBroker, "position", end_position),
    ):
        yield


def end_position(broker: memory.MemoryBroker) -> Any:
    """Return that every input is decided: this broker cannot know."""
    return processor.Position(len(broker.inputs))


@mutant(
    "stock-versions-without-gap",
    "catalogue-versions-without-gap",
    "acknowledged-orders-stand",
    "all-or-nothing",
    "stock-conserved",
)
def write_the_store_before_the_commit() -> Iterator[None]:
    original = processor.Processor._transact

    async def transact(self, messages):
        produce = self.log_of_partition.produce

        async def early(outputs, changes):
            self.store.apply(changes, self.store.changelog_offset)
            return await produce(outputs, changes)

        self.log_of_partition.produce = early
        try:
            return await original(self, messages)
        finally:
            self.log_of_partition.produce = produce

    with patch.object(processor.Processor, "_transact", transact):
        yield


@mutant(
    "each-fact-once", "one-order-per-key", "stock-versions-without-gap", "dead-letters-are-the-poisoned-ones"
)
def lose_the_fence() -> Iterator[None]:
    async def fence(self):
        self.broker.epoch = self.broker.epoch or 1
        self._epoch = self.broker.epoch

    async def begin(self):
        self.open = ([], {})

    async def produce(self, outputs, changes):
        self.open[0].extend(outputs)
        self.open[1].update(changes)
        return len(self.broker.changelog) + len(changes)

    async def commit(self):
        self.broker.open = self.open
        self.broker.commit()

    with patch.multiple(memory.MemoryLog, fence=fence, begin=begin, produce=produce, commit=commit):
        yield


@mutant(
    "each-fact-once", "one-order-per-key", "dead-letters-are-the-poisoned-ones", "stock-versions-without-gap"
)
def continue_from_memory_after_a_commit_in_doubt() -> Iterator[None]:
    async def recover(self):
        await self.log_of_partition.fence()
        if not getattr(self, "has_recovered", False):
            self.has_recovered = True
            return await original(self)
        return None

    original = processor.Processor._recover
    with patch.object(processor.Processor, "_recover", recover):
        yield


@mutant(
    "acknowledged-orders-stand",
    "stock-versions-without-gap",
    "legal-transitions",
    "dead-letters-are-the-poisoned-ones",
)
def treat_a_commit_in_doubt_as_done() -> Iterator[None]:
    original = processor.Processor._transact

    async def transact(self, messages):
        commit = self.log_of_partition.commit

        async def hopeful():
            try:
                await commit()
            except TimeoutError:
                self.log_of_partition.broker.abort()

        self.log_of_partition.commit = hopeful
        try:
            return await original(self, messages)
        finally:
            self.log_of_partition.commit = commit

    with patch.object(processor.Processor, "_transact", transact):
        yield


@mutant("each-input-is-answered-once")
def acknowledge_before_the_commit() -> Iterator[None]:
    original = processor.Processor._recover_from_error

    async def skip_what_was_acknowledged(self):
        acknowledged = self.position.offset + min(len(self._queue), self.max_batch)
        await original(self)
        self.position = self.position._replace(offset=max(self.position.offset, acknowledged))

    with patch.object(processor.Processor, "_recover_from_error", skip_what_was_acknowledged):
        yield


@mutant("each-input-is-answered-once")
def treat_every_gap_as_lost_inputs() -> Iterator[None]:
    async def accept(self, message):
        self._lost_inputs_at = self.position.offset

    with patch.object(processor.Processor, "_handle_gap", accept):
        yield


@mutant("stock-versions-without-gap", "legal-transitions", "one-order-per-key", "each-fact-once")
def trust_a_store_without_reading_the_changelog() -> Iterator[None]:
    async def replay(self):
        return None

    with patch.object(processor.Processor, "_replay", replay):
        yield


@mutant("no-answer-is-ahead-of-its-facts")
def reply_outside_the_transaction() -> Iterator[None]:
    original = worker.SimulatedLog.produce

    async def produce(self, outputs, changes):
        for output in outputs:
            if output.topic == "order.replies":
                self._cluster._deliver(output)
        return await original(self, outputs, changes)

    with patch.object(worker.SimulatedLog, "produce", produce):
        yield


@mutant("all-or-nothing", "stock-versions-without-gap", "acknowledged-orders-stand")
def send_facts_outside_the_transaction() -> Iterator[None]:
    original = memory.MemoryLog.produce

    async def produce(self, outputs, changes):
        self._check()
        self.broker.outputs.extend(o for o in outputs if o.topic == "stock.reserved")
        return await original(self, [o for o in outputs if o.topic != "stock.reserved"], changes)

    with patch.object(memory.MemoryLog, "produce", produce):
        yield


@mutant("stock-versions-without-gap", "stock-conserved", "never-oversold", "all-or-nothing")
def decide_on_the_store_and_not_on_staged_writes() -> Iterator[None]:
    def get(self, key, default=None):
        raw = self._store.get(self._prefix + key.encode())
        return default if raw is None else self._codec.decode(raw).record

    with patch.object(StagedTable, "get", get):
        yield


@mutant("dead-letters-are-the-poisoned-ones")
def blame_the_message_for_an_error_of_the_store() -> Iterator[None]:
    class Nothing(Exception):
        pass

    rejecting = replace_rejections(StoreError)
    with patch.object(micro_batch, "StoreError", Nothing), rejecting:
        yield


@contextmanager
def replace_rejections(*more: type[Exception]) -> Iterator[None]:
    """Make the workers reject messages by these errors, too."""
    with patch.object(cluster, "REJECTIONS", (*cluster.REJECTIONS, *more)):
        yield


@mutant("everything-is-decided")
def try_a_refused_batch_again_as_it_is() -> Iterator[None]:
    async def again(self, messages, error):
        await self._pause(5.0)  # so that the seed is soon over

    with patch.object(processor.Processor, "_isolate", again):
        yield


@mutant("dead-letters-are-the-poisoned-ones")
def set_the_whole_refused_batch_aside() -> Iterator[None]:
    async def isolate(self, messages, error):
        self._set_aside.update((message.offset, error) for message in messages)

    with patch.object(processor.Processor, "_isolate", isolate):
        yield


@mutant("dead-letters-are-the-poisoned-ones")
def set_no_record_aside_that_is_too_large() -> Iterator[None]:
    async def skip(self, messages, error):
        self.position = self.position._replace(offset=messages[-1].offset + 1)

    with patch.object(processor.Processor, "_isolate", skip):
        yield


@mutant("live-keys-get-their-answer", "orders-pay-an-offered-price", "every-order-is-decided")
def believe_every_clock() -> Iterator[None]:
    def believe(offset, timestamp, latest, clock, acceptance):
        return max(latest, timestamp)

    with patch.object(micro_batch, "time_of", believe):
        yield


@mutant("everything-is-decided")
def record_no_acceptance() -> Iterator[None]:
    async def nothing(self, offset):
        return None

    with patch.object(memory.MemoryLog, "accepted_leap", nothing):
        yield


@mutant("newer-fields-are-kept")
def drop_fields_that_a_newer_release_has_written() -> Iterator[None]:
    """One write by a worker of the release before, in a rolling deploy."""
    with patch.object(unknown_fields, "split", lambda value, shape: None):
        yield


@mutant("newer-fields-are-kept")
def claim_the_schema_of_a_record_whose_fields_are_kept() -> Iterator[None]:
    """The second write by the same worker finds its own label, and looks for no fields."""
    original = RecordCodec.encode

    def encode(self, record, kept):
        own = kept if kept is None else kept._replace(schema=self._schema)
        return original(self, record, own)

    with patch.object(RecordCodec, "encode", encode):
        yield
