"""decide(state, command, now) -> Decision: the one place where anything is decided."""

from schemas.codec import ReplyAddress
from schemas.commands import (
    AdvanceOrder,
    CancelOrder,
    Command,
    PaymentResult,
    PlaceOrder,
    PutMenuItem,
    PutPromotion,
    PutRestaurant,
    Tick,
)
from streams.domain.catalogue import put_menu_item, put_promotion, put_restaurant
from streams.domain.decision import Decision, Policy
from streams.domain.lifecycle import advance_order, cancel_order
from streams.domain.ordering import place_order
from streams.domain.paying import payment_result
from streams.domain.state import State


def decide(
    state: State, command: Command, now: int, policy: Policy, asker: ReplyAddress | None = None
) -> Decision:
    """Return what this command leads to at `now`, the broker's time of its record in milliseconds.

    `asker` is who is to be answered later where the answer must be waited for. A tick decides
    nothing itself: the timers that are due do (`timers.fire`).
    """
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
        case Tick():
            return Decision()
