"""What one bucket decides on one command, while it is being decided."""

from functools import cached_property
from typing import Any

from msgspec.structs import replace

from schemas import buckets
from schemas.codec import ReplyAddress
from schemas.facts import Fact
from schemas.payments import PaymentRequest
from schemas.replies import Reply
from schemas.timestamps import EpochMs
from streams.domain.decision import Decision, ForwardedCommand, Policy
from streams.domain.evolve import apply
from streams.domain.state import Change, State, set_timer
from streams.domain.state_overlay import StateOverlay
from tables.records import EscrowState, PeerBucket, Timer
from tables.registry import ESCROWS, key

#: Between two timers of a bucket that waits for something; a tick must come to fire one.
TIMER_INTERVAL_MS = 1_000


class UnitOfWork:
    """Collects what a bucket decides; later steps see what earlier ones decided. `decision` ends it.

    The pattern is Fowler's Unit of Work (Patterns of Enterprise Application Architecture, 2002).
    `base` is the state before the command. `state` and `escrow`, the bucket's record, include what has been
    decided since.
    """

    def __init__(self, base: State, bucket: str, now: EpochMs, policy: Policy) -> None:
        self.base = base
        self.bucket = bucket
        self.now = now
        self.policy = policy
        self.escrow = self._escrow_before = base[ESCROWS].get(bucket, EscrowState())
        self._facts: list[Fact] = []
        self._state_changes: dict[tuple[str, str], Change[Any]] = {}  # by table and key
        self._deferred_replies: list[tuple[ReplyAddress, Reply]] = []
        self._payment_requests: list[PaymentRequest] = []
        self._forwarded_commands: list[ForwardedCommand] = []

    @cached_property
    def state(self) -> StateOverlay:
        """The state with what has been decided here."""
        return StateOverlay(self.base)

    @property
    def home(self) -> str:
        """The restaurant's home, which has the restaurant's own id."""
        return buckets.restaurant(self.bucket)

    @property
    def others(self) -> list[str]:
        """The other buckets of the restaurant."""
        return buckets.others(self.bucket, self.policy.buckets)

    def update(self, **fields: Any) -> None:
        """Replace fields of the bucket's record."""
        self.escrow = replace(self.escrow, **fields)

    def peer(self, bucket: str) -> PeerBucket:
        """Return what is known of another bucket."""
        return self.escrow.peers.get(bucket, PeerBucket())

    def set_peer(self, bucket: str, peer: PeerBucket) -> None:
        """Store what is known of another bucket."""
        self.update(peers={**self.escrow.peers, bucket: peer})

    def emit(self, fact: Fact) -> None:
        """Add a fact, and apply it."""
        self.merge(Decision((fact,)))

    def change_state(self, change: Change[Any]) -> None:
        """Add a change that no fact carries, and apply it."""
        self.merge(Decision(state_changes=(change,)))

    def send(self, forwarded: ForwardedCommand) -> None:
        """Send a command to another bucket."""
        self._forwarded_commands.append(forwarded)

    def merge(self, decision: Decision) -> Reply | None:
        """Make another decision part of this one, apply it, and return its reply.

        The state changes of a decision are applied after all of its facts. So a fact drops the changes to the
        same keys that were added before it.
        """
        for change in apply(self.state, decision, self.policy):
            self._state_changes.pop((change.table.name, change.key), None)
        for change in decision.state_changes:
            self._state_changes[change.table.name, change.key] = change
        self._facts.extend(decision.facts)
        self._deferred_replies.extend(decision.deferred_replies)
        self._payment_requests.extend(decision.payment_requests)
        self._forwarded_commands.extend(decision.forwarded_commands)
        return decision.reply

    def schedule_timer(self) -> None:
        """Set the bucket's timer, unless it is set: `inbox.on_timer` then retries or gives up."""
        if self.escrow.timer_due <= self.now:
            timer = Timer("escrow", self.bucket, "", EpochMs(self.now + TIMER_INTERVAL_MS))
            self.change_state(set_timer(timer))
            self.update(timer_due=timer.due)

    def with_bucket_record(self, decision: Decision) -> Decision:
        """Return a decision on the base state, with the bucket's record added: the fast path of most orders."""
        if self.escrow is self._escrow_before:
            return decision
        record = Change(ESCROWS, key(self.bucket), self.escrow)
        return replace(decision, state_changes=(*decision.state_changes, record))

    def store_record(self) -> None:
        """Store the bucket's record where decisions read it."""
        self.change_state(Change(ESCROWS, key(self.bucket), self.escrow))

    def decision(self, reply: Reply | None = None) -> Decision:
        """Return all that was decided."""
        if self.escrow is not self._escrow_before:
            self.store_record()
        return Decision(
            facts=tuple(self._facts),
            reply=reply,
            deferred_replies=tuple(self._deferred_replies),
            payment_requests=tuple(self._payment_requests),
            state_changes=tuple(self._state_changes.values()),
            forwarded_commands=tuple(self._forwarded_commands),
        )
