"""To whom an order goes: what is sealed, opened for who may see it."""

from msgspec import Struct

from ingress.privacy.keyring import Forgotten, Keyring
from ingress.privacy.sealing import open_sealed
from ingress.views import OrderView
from schemas.commands import Address, Customer


class Recipient(Struct, frozen=True):
    """Address and customer; without address, name and phone once they are forgotten."""

    delivery_address: Address | None
    customer: Customer | None
    forgotten: bool


def of(view: OrderView, keyring: Keyring) -> Recipient:
    """Return to whom an order goes; raises Unavailable."""
    customer_id = view.order.customer_id
    anybody = None if customer_id is None else Customer(customer_id)
    if view.personal is None:
        return Recipient(None, anybody, keyring.is_forgotten(view.order.order_id))
    try:
        personal = open_sealed(keyring, view.order.order_id, view.personal)
    except Forgotten:
        return Recipient(None, anybody, forgotten=True)
    known = (
        None
        if customer_id is None
        else Customer(customer_id, personal.customer_name, personal.customer_phone)
    )
    return Recipient(personal.delivery_address, known, forgotten=False)
