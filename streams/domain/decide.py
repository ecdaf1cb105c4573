"""decide(state, command, now) -> Decision: the one place where anything is decided."""

from schemas import buckets
from schemas.codec import ReplyAddress
from schemas.commands import (
    AdvanceOrder,
    AskPortions,
    CancelOrder,
    Command,
    LendPortions,
    Mirror,
    OfferPortions,
    PaymentResult,
    PlaceOrder,
    PutMenuItem,
    PutPromotion,
    PutRestaurant,
    Tick,
)
from streams.domain.catalogue import put_menu_item, put_promotion, put_restaurant
from streams.domain.decision import Decision, Policy
from streams.domain.escrow import exchange, mirroring, placing
from streams.domain.lifecycle import advance_order, cancel_order
from streams.domain.ordering import place_order
from streams.domain.paying import payment_result
from streams.domain.state import State


class UnknownBucketError(Exception):
    """The command is for a bucket that there is none of: a worker or ingress has another PROMO_ESCROW_BUCKETS.

    It is set aside and can be put back when all have the same.
    """


def decide(
    state: State, command: Command, now: int, policy: Policy, asker: ReplyAddress | None = None
) -> Decision:
    """Return what this command leads to at `now`, the broker's time of its record in milliseconds.

    `asker` is who is to be answered later where the answer must be waited for. A tick decides
    nothing itself: the timers that are due do (`timers.fire`). Where restaurants have buckets, the
    command's restaurant is one of them (README, Stock escrow).
    """
    where = getattr(command, "restaurant_id", "")
    if buckets.number(where) >= policy.buckets:
        raise UnknownBucketError(f"{where} of {policy.buckets}: is PROMO_ESCROW_BUCKETS the same everywhere?")
    if policy.buckets > 1:
        return _in_bucket(state, command, now, policy, asker)
    return _decide(state, command, now, policy, asker)


def _in_bucket(
    state: State, command: Command, now: int, policy: Policy, asker: ReplyAddress | None
) -> Decision:
    match command:
        case PlaceOrder():
            return placing.place(state, command, now, policy, asker)
        case PutRestaurant() | PutMenuItem() | PutPromotion():
            return mirroring.put(state, command, now, policy)
        case Mirror() | AskPortions() | LendPortions() | OfferPortions():
            return exchange.take(state, command, now, policy)
        case Tick():
            return Decision()
        case _:
            decision = _decide(state, command, now, policy, asker)
            return exchange.after(state, command.restaurant_id, now, policy, decision)


def _decide(state: State, command: Command, now: int, policy: Policy, asker: ReplyAddress | None) -> Decision:
    match command:
        case PlaceOrder():
            return place_order(state, command, now, policy, asker)
        case AdvanceOrder():
            return advance_order(state, command, now)
        case CancelOrder():
            return cancel_order(state, command, now, policy, asker)
        case PaymentResult():
            return payment_result(state, command, now)
        case PutRestaurant():
            return put_restaurant(state, command, now)
        case PutMenuItem():
            return put_menu_item(state, command, now)
        case PutPromotion():
            return put_promotion(state, command, now)
        case Tick() | Mirror() | AskPortions() | LendPortions() | OfferPortions():
            return Decision()
