"""Time has passed: what is due fires, once; what it finds decides what it does (README, decision 4)."""

from msgspec.structs import replace

from schemas.facts import CatalogChanged
from schemas.instants import to_text
from streams.domain import lifecycle, paying
from streams.domain.decision import Decision, Policy
from streams.domain.escrow import exchange
from streams.domain.order_machine import after
from streams.domain.state import Change, State
from tables.records import Timer
from tables.registry import KEYS, TIMERS, key, timer_key

#: Most timers that one tick fires, so that a batch stays short; the rest fire with the next one.
MAX_AT_ONCE = 500


def fire(state: State, timer: Timer, now: int, policy: Policy) -> Decision:
    """Decide one timer that is due; it is gone afterwards."""
    if timer.kind == "escrow":
        decision = exchange.look(state, timer.restaurant_id, now, policy)
    else:
        decision = _fire(state, timer, now)
        if policy.buckets > 1:
            decision = exchange.after(state, timer.restaurant_id, now, policy, decision)
    return replace(decision, notes=(*decision.notes, Change(TIMERS, timer_key(timer), None)))


def _fire(state: State, timer: Timer, now: int) -> Decision:
    subject = key(timer.restaurant_id, timer.subject)
    if timer.kind == "promotion":
        return _promotion(state, timer, now)
    if timer.kind == "key":
        entry = state.keys.get(subject)
        over = entry is not None and entry.answer is not None and entry.expires_at <= now
        return Decision(notes=(Change(KEYS, subject, None),)) if over else Decision()
    order = state.orders.get(subject)
    if order is None:
        return Decision()
    if timer.kind == "reservation" and after(order.status, "reservation_expires"):
        return paying.reservation_expires(state, order, now)
    if timer.kind == "preparation" and after(order.status, "preparation_expires"):
        return lifecycle.preparation_expires(state, order, now)
    return Decision()


def _promotion(state: State, timer: Timer, now: int) -> Decision:
    before = state.promotions.get(key(timer.restaurant_id, timer.subject))
    if before is None or before.phase == before.phase_at(now):
        return Decision()
    promotion = replace(before, phase=before.phase_at(now), version=before.version + 1)
    fact = CatalogChanged(
        restaurant_id=timer.restaurant_id,
        occurred_at=to_text(now),
        version=promotion.version,
        promotion=promotion,
    )
    return Decision((fact,))
