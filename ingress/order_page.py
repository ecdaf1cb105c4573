"""An order as its customer and its restaurant see it."""

from collections.abc import Mapping

from aiohttp import web
from msgspec import UNSET, Struct, UnsetType

from ingress import answers, languages
from ingress.labels import STATUSES
from ingress.views import StatusChange
from schemas.money import Money
from schemas.orders import Eta, Order, OrderLine, Refund


class OrderPage(Struct, frozen=True):
    """The body of GET /v1/orders/{order_id}; of an answer to a change, without the history."""

    order_id: str
    restaurant_id: str
    status: str
    status_label: str
    items: list[OrderLine]
    total: Money
    eta: Eta | None
    reason: str | None
    refund: Refund | None
    history: list[StatusChange] | UnsetType
    created_at: str
    updated_at: str
    version: int
    events_url: str


def respond(
    request: web.Request,
    order: Order,
    history: list[StatusChange] | UnsetType = UNSET,
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
    )
    told = {"Content-Language": language, "Vary": "Accept-Language"}
    return web.Response(
        status=status, body=answers.encode(page), headers=answers.PRIVATE | told | dict(headers or {})
    )
