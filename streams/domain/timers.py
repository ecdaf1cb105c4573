"""Timers that are due fire once; what one does depends on the state that it finds (DECISIONS.md, time-is-an-input)."""

from msgspec.structs import replace

from schemas.facts import CatalogChanged
from schemas.timestamps import EpochMs, to_text
from streams.domain import deletions, lifecycle, payments, retention
from streams.domain.decision import Decision, Policy
from streams.domain.escrow import inbox
from streams.domain.order_machine import next_state
from streams.domain.state import Change, State, set_timer
from tables.records import Timer
from tables.registry import IDEMPOTENCY_KEYS, ORDERS, PROMOTIONS, TIMERS, key, timer_key

#: Timers that one tick fires at most, so that its batch stays short; the next tick fires the others.
MAX_TIMERS_PER_BATCH = 500
#: How much later a timer fires that cannot be decided.
POSTPONED_MS = 60_000


def fire(state: State, timer: Timer, now: EpochMs, policy: Policy) -> Decision:
    """Decide one timer that is due, and delete it."""
    if timer.kind == "escrow":
        decision = inbox.on_timer(state, timer.restaurant_id, now, policy)
    else:
        decision = _fire(state, timer, now, policy)
        if policy.buckets > 1:
            decision = inbox.after_release(state, timer.restaurant_id, now, policy, decision)
    return replace(decision, state_changes=(*decision.state_changes, Change(TIMERS, timer_key(timer), None)))


def postpone(timer: Timer, now: EpochMs) -> Decision:
    """Return the decision to fire a timer later."""
    later = replace(timer, due=EpochMs(now + POSTPONED_MS))
    return Decision(state_changes=(Change(TIMERS, timer_key(timer), None), set_timer(later)))


def _fire(state: State, timer: Timer, now: EpochMs, policy: Policy) -> Decision:
    subject = key(timer.restaurant_id, timer.subject)
    if timer.kind == "promotion":
        return _change_phase(state, timer, now, policy)
    if timer.kind == "key":
        record = state[IDEMPOTENCY_KEYS].get(subject)
        is_expired = record is not None and record.has_expired(now)
        return Decision(state_changes=(Change(IDEMPOTENCY_KEYS, subject, None),) if is_expired else ())
    if timer.kind == "usage":
        return Decision(state_changes=retention.delete_usage(state, timer, now, policy))
    order = state[ORDERS].get(subject)
    if order is None or (timer.payment_id or timer.subject) != (order.payment_id or order.order_id):
        return Decision()  # no such order, or another life of it
    if timer.kind == "retention":
        return Decision(state_changes=retention.delete_order(state, order, now, policy))
    if timer.kind == "reservation" and next_state(order.status, "reservation_expires"):
        return payments.reservation_expires(state, order, now)
    if timer.kind == "preparation" and next_state(order.status, "preparation_expires"):
        return lifecycle.preparation_expires(state, order, now)
    return Decision()


def _change_phase(state: State, timer: Timer, now: EpochMs, policy: Policy) -> Decision:
    before = state[PROMOTIONS].get(key(timer.restaurant_id, timer.subject))
    if before is None:
        return Decision()
    if before.phase == before.phase_at(now):
        # the other buckets would keep it, and need its pools (escrow/README.md, Limits)
        may_delete = before.phase == "ended" and policy.buckets == 1
        return (
            deletions.delete_when_over(state, before, timer.restaurant_id, now, policy)
            if may_delete
            else Decision()
        )
    promotion = replace(before, phase=before.phase_at(now), version=before.version + 1)
    fact = CatalogChanged(
        restaurant_id=timer.restaurant_id,
        occurred_at=to_text(now),
        version=promotion.version,
        promotion=promotion,
    )
    return Decision((fact,))
