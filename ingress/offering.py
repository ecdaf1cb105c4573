"""PUT of restaurants, menu items and promotions: what is offered changes."""

import asyncio
from typing import Any

import msgspec
from aiohttp import web

from ingress import answers, request_body, request_headers
from ingress.bodies import (
    MenuItemBody,
    PromotionBody,
    RestaurantBody,
    address_faults,
    menu_item_faults,
    promotion_faults,
    restaurant_faults,
)
from ingress.body_reader import BodyReader
from ingress.keys import ASKING, SETTINGS, TOKENS
from ingress.offered import Offered, OfferedItem, OfferedPromotion, OfferedRestaurant
from ingress.problems import Fault, invalid
from schemas import instants
from schemas.commands import Identifier, PutMenuItem, PutPromotion, PutRestaurant
from schemas.identity import webhook_secrets

STATUSES = {"created": 201, "replaced": 200}

_restaurants = BodyReader(RestaurantBody, restaurant_faults)
_menu_items = BodyReader(MenuItemBody, menu_item_faults)
_promotions = BodyReader(PromotionBody, promotion_faults)


async def put_restaurant(request: web.Request) -> web.Response:
    """Create or replace a restaurant; the administrator's."""
    restaurant_id = _identifier(request, "restaurant_id")
    request_headers.require_json(request.headers)
    body, _ = _restaurants.read(await request_body.read(request))
    settings = request.app[SETTINGS]
    if faults := address_faults("/webhook", body.webhook, settings.webhook_allow_private):
        raise invalid(*faults)
    command = PutRestaurant(
        restaurant_id, body.name, body.kitchen_capacity, body.preparation_timeout_seconds, body.webhook
    )
    shown = {"token": request.app[TOKENS].restaurant(restaurant_id)}
    if body.webhook is not None:
        shown["webhook_secret"] = webhook_secrets(settings.token_secret, restaurant_id)[0]
    return await _put(request, command, OfferedRestaurant, shown)


async def put_menu_item(request: web.Request) -> web.Response:
    """Create or replace a menu item; the administrator's or the restaurant's."""
    restaurant_id, sku = _identifier(request, "restaurant_id"), _identifier(request, "sku")
    request_headers.require_json(request.headers)
    body, _ = _menu_items.read(await request_body.read(request))
    command = PutMenuItem(
        restaurant_id, sku, body.name, body.description, body.category, body.price, body.portions
    )
    return await _put(request, command, OfferedItem, {})


async def put_promotion(request: web.Request) -> web.Response:
    """Create or replace a promotion; the administrator's or the restaurant's."""
    restaurant_id, promotion_id = _identifier(request, "restaurant_id"), _identifier(request, "promotion_id")
    request_headers.require_json(request.headers)
    body, _ = _promotions.read(await request_body.read(request))
    starts_at, ends_at = instants.to_milliseconds(body.starts_at), instants.to_milliseconds(body.ends_at)
    command = PutPromotion(restaurant_id, promotion_id, starts_at, ends_at, body.items)
    shown = {"starts_at": instants.to_text(starts_at), "ends_at": instants.to_text(ends_at)}
    return await _put(request, command, OfferedPromotion, shown)


def _identifier(request: web.Request, name: str) -> str:
    value = request.match_info[name]
    try:
        return msgspec.convert(value, Identifier)
    except msgspec.ValidationError:
        raise invalid(Fault(name, "invalid", where="parameter")) from None


async def _put(
    request: web.Request,
    command: PutRestaurant | PutMenuItem | PutPromotion,
    answer: type[Offered],
    shown: dict[str, Any],
) -> web.Response:
    """Write the command and answer with what it made: its fields, those of `shown` in their place or added."""
    deadline = asyncio.get_running_loop().time() + request.app[SETTINGS].order_wait_seconds
    traceparent = request_headers.traceparent(request.headers)
    reply = await request.app[ASKING].ask(command.restaurant_id, command, traceparent, deadline)
    fields = msgspec.structs.asdict(command) | shown
    if reply is None:
        return _answer(202, answer(**fields, status="pending"))
    status = STATUSES.get(reply.answer.outcome)
    if status is None:
        raise answers.refusal(reply.answer, {})
    return _answer(status, answer(**fields, version=reply.answer.version))


def _answer(status: int, offered: Offered) -> web.Response:
    return web.Response(status=status, body=answers.encode(offered), headers=answers.JSON)
