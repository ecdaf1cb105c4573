"""An order as its customer and its restaurant see it: status labels, and personal data opened for the reader."""

import logging
from collections.abc import Mapping
from typing import Literal

from aiohttp import web
from msgspec import UNSET, Struct, UnsetType

from ingress.handlers import responses
from ingress.http import request_headers
from ingress.http.content_negotiation import negotiate_language
from ingress.privacy.customer_ids import key_name
from ingress.privacy.keyring import ErasedError, Keyring
from ingress.privacy.sealing import UndecryptableError, open_sealed
from ingress.views.answers import RefusalReason
from ingress.views.ports import OrderView, StatusChange
from schemas.commands import Address
from schemas.languages import Text, read_texts
from schemas.money import Money
from schemas.orders import Eta, Order, OrderLine, Reason, Refund, Status

log = logging.getLogger(__name__)

STATUS_LABELS = read_texts(__file__, "status_labels.json", dict[Status, Text])


class OrderCustomer(Struct, frozen=True, omit_defaults=True):
    """The customer of an order: the id that a token proved, and whom to ask for and to call."""

    id: str | None = None
    name: str = ""
    phone: str = ""


class OrderPage(Struct, frozen=True, kw_only=True):
    """The body of GET /v1/orders/{order_id}; a response to a change has neither history nor recipient."""

    order_id: str
    restaurant_id: str
    status: Status
    status_label: str
    items: list[OrderLine]
    total: Money
    eta: Eta | None
    reason: Reason | RefusalReason | None
    refund: Refund | None
    history: list[StatusChange] | UnsetType = UNSET
    created_at: str
    updated_at: str
    version: int
    events_url: str
    delivery_address: Address | UnsetType | None = UNSET
    customer: OrderCustomer | UnsetType | None = UNSET
    forgotten: bool | UnsetType = UNSET
    unreadable: bool | UnsetType = UNSET


class PendingOrderPage(Struct, frozen=True):
    """The body of GET /v1/orders/{order_id} until the order is decided and in the views."""

    order_id: str
    status: Literal["pending"]
    events_url: str


class Recipient(Struct, frozen=True):
    """Address and customer of an order; without address, name and phone once these are erased, or if no key opens them."""

    delivery_address: Address | None
    customer: OrderCustomer | None
    forgotten: bool = False
    unreadable: bool = False


def is_erased(keyring: Keyring, order: Order) -> bool:
    """Return True if the order or its customer was forgotten; raises Unavailable."""
    return keyring.is_forgotten(order.order_id) or (
        order.customer_id is not None and keyring.is_person_forgotten(key_name(order.customer_id))
    )


def open_recipient(view: OrderView, keyring: Keyring) -> Recipient:
    """Return the recipient of an order, its personal data opened; raises Unavailable."""
    customer_id = view.order.customer_id
    id_only = None if customer_id is None else OrderCustomer(customer_id)
    if view.personal is None:
        return Recipient(None, id_only, forgotten=is_erased(keyring, view.order))
    try:
        personal = open_sealed(keyring, view.order.order_id, customer_id, view.personal)
    except ErasedError:
        return Recipient(None, id_only, forgotten=True)
    except UndecryptableError:
        log.error("personal data unreadable: order %s", view.order.order_id)
        return Recipient(None, id_only, unreadable=True)
    customer = OrderCustomer(customer_id, personal.customer_name, personal.customer_phone)
    return Recipient(personal.delivery_address, None if customer == OrderCustomer() else customer)


def respond(
    request: web.Request,
    order: Order,
    history: list[StatusChange] | UnsetType = UNSET,
    recipient: Recipient | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """Return the response with an order, in the reader's language."""
    language = negotiate_language(request_headers.joined(request.headers, "Accept-Language"))
    page = OrderPage(
        order_id=order.order_id,
        restaurant_id=order.restaurant_id,
        status=order.status,
        status_label=STATUS_LABELS[order.status].of(language),
        items=order.items,
        total=order.total,
        eta=order.eta,
        reason=order.reason,
        refund=order.refund,
        history=history,
        created_at=order.created_at,
        updated_at=order.updated_at,
        version=order.version,
        events_url=responses.events_url(order.order_id),
        delivery_address=recipient.delivery_address if recipient else UNSET,
        customer=recipient.customer if recipient else UNSET,
        forgotten=recipient.forgotten if recipient else UNSET,
        unreadable=recipient.unreadable if recipient else UNSET,
    )
    language_headers = {"Content-Language": language, "Vary": "Accept-Language"}
    return responses.respond(page, responses.PRIVATE | language_headers | dict(headers or {}), status)
