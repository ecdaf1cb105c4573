"""Bugs in idempotency."""

from collections.abc import Iterator
from unittest.mock import patch

from msgspec.structs import replace

from schemas.replies import Answer
from streams.domain import evolve
from streams.domain import place_order as domain_place_order
from streams.domain.decision import Decision
from tables.registry import IDEMPOTENCY_KEYS, key
from tests.simulation.mutants.planted import changed_placements, mutant


@mutant("live-keys-get-their-answer")
def store_no_idempotency_key() -> Iterator[None]:
    with patch.object(evolve, "_idempotency", lambda fact, answer, policy: iter(())):
        yield


@mutant("a-key-means-one-body", "acknowledged-orders-stand")
def ignore_the_request_fingerprint() -> Iterator[None]:
    def place(state, command, now, *rest):
        record = state[IDEMPOTENCY_KEYS].get(key(command.restaurant_id, command.idempotency_key_hash))
        if record is not None:
            command = replace(command, request_fingerprint=record.request_fingerprint)
        return original(state, command, now, *rest)

    original = domain_place_order.place_order
    with patch("streams.domain.decide.place_order", place):
        yield


@mutant("live-keys-get-their-answer")
def store_no_refusals() -> Iterator[None]:
    original = evolve._idempotency

    def only_confirmed(fact, answer, policy):
        if fact.status == "received":
            yield from original(fact, answer, policy)

    with patch.object(evolve, "_idempotency", only_confirmed):
        yield


@mutant("replays-equal")
def do_not_mark_a_replay() -> Iterator[None]:
    with changed_placements(
        lambda decision: replace(decision, reply=replace(decision.reply, replayed=False))
    ):
        yield


@mutant("replays-equal")
def answer_a_replay_without_its_order() -> Iterator[None]:
    def change(decision):
        if decision.reply.replayed:
            return Decision(reply=replace(decision.reply, answer=Answer(decision.reply.answer.outcome)))
        return decision

    with changed_placements(change):
        yield
