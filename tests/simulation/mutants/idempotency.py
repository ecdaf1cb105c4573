"""Idempotency, got wrong."""

from collections.abc import Iterator
from unittest.mock import patch

from msgspec.structs import replace

from schemas.replies import Answer
from streams.domain import evolve, ordering
from streams.domain.decision import Decision
from tables.registry import key
from tests.simulation.mutants.planted import mutant


@mutant("one-order-per-key", "replays-equal", "legal-transitions")
def skip_the_deduplication() -> Iterator[None]:
    with patch.object(evolve, "_answered", lambda fact, answer, policy: iter(())):
        yield


@mutant("a-key-means-one-body", "acknowledged-orders-stand")
def drop_the_fingerprint() -> Iterator[None]:
    def place(state, command, now, *rest):
        entry = state.keys.get(key(command.restaurant_id, command.idempotency_key_hash))
        if entry is not None:
            command = replace(command, request_fingerprint=entry.request_fingerprint)
        return original(state, command, now, *rest)

    original = ordering.place_order
    with patch("streams.domain.decide.place_order", place):
        yield


@mutant("one-order-per-key", "legal-transitions", "replays-equal")
def forget_refusals() -> Iterator[None]:
    original = evolve._answered

    def only_confirmed(fact, answer, policy):
        if fact.status == "received":
            yield from original(fact, answer, policy)

    with patch.object(evolve, "_answered", only_confirmed):
        yield


@mutant("replays-equal")
def forget_to_say_that_it_is_a_replay() -> Iterator[None]:
    def place(state, command, now, *rest):
        decision = original(state, command, now, *rest)
        return replace(decision, reply=replace(decision.reply, replayed=False))

    original = ordering.place_order
    with patch("streams.domain.decide.place_order", place):
        yield


@mutant("replays-equal")
def answer_a_replay_from_the_present_state() -> Iterator[None]:
    def place(state, command, now, *rest):
        decision = original(state, command, now, *rest)
        if decision.reply.replayed:
            return Decision(reply=replace(decision.reply, answer=Answer(decision.reply.answer.outcome)))
        return decision

    original = ordering.place_order
    with patch("streams.domain.decide.place_order", place):
        yield
