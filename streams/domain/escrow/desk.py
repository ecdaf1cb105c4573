"""A bucket at work on one command: what it decides is collected here, and seen by what it decides next."""

from functools import cached_property
from typing import Any

from msgspec.structs import replace

from schemas import buckets
from schemas.codec import ReplyAddress
from schemas.facts import Fact
from schemas.payments import PaymentRequest
from schemas.replies import Reply
from streams.domain.decision import Decision, Onward, Policy
from streams.domain.evolve import evolve
from streams.domain.overlay import Overlay
from streams.domain.state import Change, State
from tables.records import Escrow, Peer, Timer
from tables.registry import ESCROWS, TIMERS, key, timer_key

#: Between two looks of a bucket at what is late, in milliseconds; a tick must come by.
LOOK_MS = 1_000


class Desk:
    """One bucket, one command. `escrow` is its record as it now is; `decision` ends the work."""

    def __init__(self, state: State, me: str, now: int, policy: Policy) -> None:
        self.below = state  # as it was before the command
        self.me = me
        self.now = now
        self.policy = policy
        self.before = state.escrows.get(me, Escrow())
        self.escrow = self.before
        self._facts: list[Fact] = []
        self._notes: list[Change] = []
        self._waited: list[tuple[ReplyAddress, Reply]] = []
        self._requests: list[PaymentRequest] = []
        self._onward: list[Onward] = []

    @cached_property
    def state(self) -> Overlay:
        """The state as what is decided here has made it."""
        return Overlay(self.below)

    @property
    def home(self) -> str:
        """The bucket that has the restaurant's own id."""
        return buckets.restaurant(self.me)

    @property
    def others(self) -> list[str]:
        """The other buckets of the restaurant."""
        return buckets.others(self.me, self.policy.buckets)

    def change(self, **changes: Any) -> None:
        """Change the bucket's record."""
        self.escrow = replace(self.escrow, **changes)

    def peer(self, name: str) -> Peer:
        """Return what is known of another bucket."""
        return self.escrow.peers.get(name, Peer())

    def set_peer(self, name: str, peer: Peer) -> None:
        """Put down what is known of another bucket."""
        self.change(peers={**self.escrow.peers, name: peer})

    def tell(self, fact: Fact) -> None:
        """Let a fact be; what it changes, no earlier note is to change back."""
        changes = evolve(self.state, fact, self.policy)
        changed = {(change.table.name, change.key) for change in changes}
        self._notes = [n for n in self._notes if (n.table.name, n.key) not in changed]
        self.state.put(changes)
        self._facts.append(fact)

    def note(self, change: Change) -> None:
        """Change a table where no fact tells of it."""
        self.state.put([change])
        self._notes.append(change)

    def send(self, onward: Onward) -> None:
        """Send a command to another bucket."""
        self._onward.append(onward)

    def take_in(self, decision: Decision) -> Reply | None:
        """Make another decision part of this one; returns its reply."""
        for fact in decision.facts:
            self.tell(fact)
        for change in decision.notes:
            self.note(change)
        self._waited.extend(decision.waited)
        self._requests.extend(decision.requests)
        self._onward.extend(decision.onward)
        return decision.reply

    def answer(self, waiting: list[ReplyAddress], reply: Reply) -> None:
        """Answer all who wait; the first is told that it is the first."""
        for i, asker in enumerate(waiting):
            self._waited.append((asker, Reply(reply.answer, replayed=reply.replayed or i > 0)))

    def look_again(self) -> None:
        """See to it that time brings the bucket back to what may be late."""
        if self.escrow.timer_at <= self.now:
            due = self.now + LOOK_MS
            self.note(Change(TIMERS, timer_key(timer := Timer("escrow", self.me, "", due)), timer))
            self.change(timer_at=due)

    def beside(self, decision: Decision) -> Decision:
        """Return a decision on the state as it was, with the bucket's record beside it: all that most orders need."""
        if self.escrow is self.before:
            return decision
        return replace(decision, notes=(*decision.notes, Change(ESCROWS, key(self.me), self.escrow)))

    def decision(self, reply: Reply | None = None) -> Decision:
        """Return all of it."""
        if self.escrow is not self.before:
            self.note(Change(ESCROWS, key(self.me), self.escrow))
        return Decision(
            facts=tuple(self._facts),
            reply=reply,
            waited=tuple(self._waited),
            requests=tuple(self._requests),
            notes=tuple(self._notes),
            onward=tuple(self._onward),
        )
