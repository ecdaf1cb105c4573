"""decide(state, command, now) -> Decision: the one place where anything is decided."""

from schemas.commands import Command, PlaceOrder, PutMenuItem, PutPromotion, PutRestaurant, Tick
from streams.domain.catalogue import put_menu_item, put_promotion, put_restaurant
from streams.domain.decision import Decision
from streams.domain.ordering import place_order
from streams.domain.state import State


def decide(state: State, command: Command, now: int) -> Decision:
    """Return what this command leads to at `now`, the broker's time of its record in milliseconds."""
    match command:
        case PlaceOrder():
            return place_order(state, command, now)
        case PutRestaurant():
            return put_restaurant(state, command, now)
        case PutMenuItem():
            return put_menu_item(state, command, now)
        case PutPromotion():
            return put_promotion(state, command, now)
        case Tick():
            return Decision()
