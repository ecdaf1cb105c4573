"""An order as its customer and its restaurant see it."""

from collections.abc import Mapping
from typing import Literal

from aiohttp import web
from msgspec import UNSET, Struct, UnsetType

from ingress import answers, languages
from ingress.labels import STATUSES
from ingress.recipient import Recipient
from ingress.views import StatusChange
from schemas.commands import Address, Customer
from schemas.money import Money
from schemas.orders import Eta, Order, OrderLine, Reason, Refund, Status


class OrderPage(Struct, frozen=True, kw_only=True):
    """The body of GET /v1/orders/{order_id}; of an answer to a change, without history and recipient."""

    order_id: str
    restaurant_id: str
    status: Status
    status_label: str
    items: list[OrderLine]
    total: Money
    eta: Eta | None
    reason: Reason | None
    refund: Refund | None
    history: list[StatusChange] | UnsetType = UNSET
    created_at: str
    updated_at: str
    version: int
    events_url: str
    delivery_address: Address | UnsetType | None = UNSET
    customer: Customer | UnsetType | None = UNSET
    forgotten: bool | UnsetType = UNSET


class UndecidedOrder(Struct, frozen=True):
    """The body of GET /v1/orders/{order_id} while the order is not decided, or not shown yet."""

    order_id: str
    status: Literal["pending"]
    events_url: str


def respond(
    request: web.Request,
    order: Order,
    history: list[StatusChange] | UnsetType = UNSET,
    recipient: Recipient | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """Return the order, in the reader's language."""
    language = languages.negotiate(request.headers.get("Accept-Language", ""))
    page = OrderPage(
        order_id=order.order_id,
        restaurant_id=order.restaurant_id,
        status=order.status,
        status_label=STATUSES[order.status].of(language),
        items=order.items,
        total=order.total,
        eta=order.eta,
        reason=order.reason,
        refund=order.refund,
        history=history,
        created_at=order.created_at,
        updated_at=order.updated_at,
        version=order.version,
        events_url=answers.events_url(order.order_id),
        delivery_address=recipient.delivery_address if recipient else UNSET,
        customer=recipient.customer if recipient else UNSET,
        forgotten=recipient.forgotten if recipient else UNSET,
    )
    told = {"Content-Language": language, "Vary": "Accept-Language"}
    return web.Response(
        status=status, body=answers.encode(page), headers=answers.PRIVATE | told | dict(headers or {})
    )
