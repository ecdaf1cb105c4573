"""PUT of restaurants, menu items and promotions."""

import asyncio
from collections.abc import Callable
from typing import Any, Literal

import msgspec
from aiohttp import web
from msgspec import UNSET, Struct, UnsetType

from ingress.commands.admission import Pressure
from ingress.handlers import responses
from ingress.handlers.app_keys import AUTHOR, COMMANDS, RATE_LIMITS, SETTINGS, TOKENS, VIEWS
from ingress.handlers.path_identifiers import identifier
from ingress.handlers.request_bodies import (
    MenuItemBody,
    PromotionBody,
    RestaurantBody,
    endpoint_errors,
    menu_item_errors,
    promotion_errors,
    promotion_window,
)
from ingress.handlers.webhook_secrets import webhook_secret
from ingress.http import request_body, request_headers
from ingress.http.problems import invalid
from ingress.http.text_fields import TextBodyReader
from ingress.views.visibility import wait_until_visible
from schemas import timestamps, view_keys
from schemas.assurance import Assurance
from schemas.commands import PromotionItem, PutMenuItem, PutPromotion, PutRestaurant
from schemas.money import Money
from schemas.replies import Answer

STATUS_BY_OUTCOME = {"created": 201, "replaced": 200}

_restaurants = TextBodyReader(RestaurantBody)
_menu_items = TextBodyReader(MenuItemBody, menu_item_errors)
_promotions = TextBodyReader(PromotionBody, promotion_errors)


class CatalogueResponse(Struct, frozen=True, kw_only=True):
    """What was put, with its version; with the status `pending` if it is not decided yet, or menus do not show it yet."""

    version: int | UnsetType = UNSET
    status: Literal["pending"] | UnsetType = UNSET


class RestaurantResponse(CatalogueResponse, frozen=True, kw_only=True):
    """A restaurant's profile, with the restaurant's first token unless it was revoked."""

    restaurant_id: str
    name: str
    kitchen_capacity: int
    preparation_timeout_seconds: int
    webhook: str | None
    token: str | UnsetType = UNSET
    webhook_secret: str | UnsetType = UNSET
    webhook_secret_version: int | UnsetType = UNSET


class MenuItemResponse(CatalogueResponse, frozen=True, kw_only=True):
    """A menu item; `portions` is the total offered, including those that are sold; null: unlimited."""

    restaurant_id: str
    sku: str
    name: str
    description: str
    category: str
    price: Money
    portions: int | None


class PromotionResponse(CatalogueResponse, frozen=True, kw_only=True):
    """A promotion; it is open from `starts_at` until just before `ends_at`."""

    restaurant_id: str
    promotion_id: str
    starts_at: str
    ends_at: str
    items: list[PromotionItem]
    customer_assurance: Assurance


async def put_restaurant(request: web.Request) -> web.Response:
    """Create or replace a restaurant, for the administrator."""
    restaurant_id = identifier(request, "restaurant_id")
    body = await request_body.read(request, _restaurants)
    settings = request.app[SETTINGS]
    if errors := endpoint_errors("/webhook", body.webhook, settings.webhook_allow_private):
        raise invalid(*errors)
    command = PutRestaurant(
        restaurant_id,
        body.name,
        body.kitchen_capacity,
        body.preparation_timeout_seconds,
        body.webhook,
        request[AUTHOR],
    )
    tokens = request.app[TOKENS]
    fields = {"token": tokens.restaurant(restaurant_id) if tokens.has_first_token(restaurant_id) else UNSET}

    def secret_of(answer: Answer) -> dict[str, Any]:
        return webhook_secret(request, restaurant_id, answer) if body.webhook is not None else {}

    return await _put(request, command, view_keys.RESTAURANT, RestaurantResponse, fields, secret_of)


async def put_menu_item(request: web.Request) -> web.Response:
    """Create or replace a menu item, for the administrator or the restaurant."""
    restaurant_id, sku = identifier(request, "restaurant_id"), identifier(request, "sku")
    body = await request_body.read(request, _menu_items)
    command = PutMenuItem(
        restaurant_id,
        sku,
        body.name,
        body.description,
        body.category,
        body.price,
        body.portions,
        request[AUTHOR],
    )
    return await _put(request, command, view_keys.ITEM + sku, MenuItemResponse, {})


async def put_promotion(request: web.Request) -> web.Response:
    """Create or replace a promotion, for the administrator or the restaurant."""
    restaurant_id, promotion_id = identifier(request, "restaurant_id"), identifier(request, "promotion_id")
    body = await request_body.read(request, _promotions)
    starts_at, ends_at = promotion_window(body)
    command = PutPromotion(
        restaurant_id,
        promotion_id,
        starts_at,
        ends_at,
        [item.command() for item in body.items],
        request[AUTHOR],
        body.customer_assurance,
    )
    fields = {"starts_at": timestamps.to_text(starts_at), "ends_at": timestamps.to_text(ends_at)}
    return await _put(request, command, view_keys.PROMOTION + promotion_id, PromotionResponse, fields)


async def _put(
    request: web.Request,
    command: PutRestaurant | PutMenuItem | PutPromotion,
    view_field: str,
    response_class: type[CatalogueResponse],
    fields: dict[str, Any],
    fields_of: Callable[[Answer], dict[str, Any]] = lambda answer: {},
) -> web.Response:
    """Send the command, and answer with the fields of the command, replaced or extended by `fields`.

    `fields_of` returns further ones, which only the answer of the decider says.
    The answer waits until menus show the change, `view_field` of the restaurant's view, at every process.
    """
    request.app[RATE_LIMITS].consume_catalogue_change(command.restaurant_id)
    deadline = asyncio.get_running_loop().time() + request.app[SETTINGS].order_reply_timeout_seconds
    traceparent = request_headers.traceparent(request.headers)
    reply = await request.app[COMMANDS].send_and_wait(command, traceparent, deadline)
    fields = msgspec.structs.asdict(command) | fields
    del fields["by"]
    if reply is None:
        return responses.respond(response_class(**fields, status="pending"), status=202)
    status = STATUS_BY_OUTCOME.get(reply.answer.outcome)
    if status is None:
        raise responses.problem_of(reply.answer, {})
    fields |= fields_of(reply.answer)
    key, version = view_keys.menu(command.restaurant_id), reply.answer.version
    views, is_under_pressure = request.app[VIEWS], request.app[COMMANDS].pressure >= Pressure.READS
    if not await wait_until_visible(
        views, key, view_field, version, deadline, is_under_pressure=is_under_pressure
    ):
        return responses.respond(response_class(**fields, version=version, status="pending"), status=202)
    return responses.respond(response_class(**fields, version=version), status=status)
