"""PUT of restaurants, menu items and promotions: what is offered changes."""

import asyncio
from typing import Any

import msgspec
from aiohttp import web

from ingress import answers, request_headers, tokens
from ingress.bodies import (
    MenuItemBody,
    PromotionBody,
    RestaurantBody,
    menu_item_faults,
    promotion_faults,
    restaurant_faults,
)
from ingress.body_reader import BodyReader
from ingress.keys import ASKING, SETTINGS, TOKENS
from ingress.problems import Fault, invalid
from schemas import instants
from schemas.commands import Identifier, PutMenuItem, PutPromotion, PutRestaurant

STATUSES = {"created": 201, "replaced": 200}

_restaurants = BodyReader(RestaurantBody, restaurant_faults)
_menu_items = BodyReader(MenuItemBody, menu_item_faults)
_promotions = BodyReader(PromotionBody, promotion_faults)


async def put_restaurant(request: web.Request) -> web.Response:
    """Create or replace a restaurant; the administrator's."""
    restaurant_id = _identifier(request, "restaurant_id")
    tokens.require(request.app[TOKENS].is_admin(tokens.bearer(request.headers)))
    request_headers.require_json(request.headers)
    body, _ = _restaurants.read(await request.read())
    command = PutRestaurant(
        restaurant_id, body.name, body.kitchen_capacity, body.preparation_timeout_seconds, body.webhook
    )
    return await _put(request, command, {"token": request.app[TOKENS].restaurant(restaurant_id)})


async def put_menu_item(request: web.Request) -> web.Response:
    """Create or replace a menu item; the administrator's or the restaurant's."""
    restaurant_id, sku = _identifier(request, "restaurant_id"), _identifier(request, "sku")
    _require_owner(request, restaurant_id)
    request_headers.require_json(request.headers)
    body, _ = _menu_items.read(await request.read())
    command = PutMenuItem(
        restaurant_id, sku, body.name, body.description, body.category, body.price, body.portions
    )
    return await _put(request, command, {})


async def put_promotion(request: web.Request) -> web.Response:
    """Create or replace a promotion; the administrator's or the restaurant's."""
    restaurant_id, promotion_id = _identifier(request, "restaurant_id"), _identifier(request, "promotion_id")
    _require_owner(request, restaurant_id)
    request_headers.require_json(request.headers)
    body, _ = _promotions.read(await request.read())
    starts_at, ends_at = instants.to_milliseconds(body.starts_at), instants.to_milliseconds(body.ends_at)
    command = PutPromotion(restaurant_id, promotion_id, starts_at, ends_at, body.items)
    shown = {"starts_at": instants.to_text(starts_at), "ends_at": instants.to_text(ends_at)}
    return await _put(request, command, shown)


def _identifier(request: web.Request, name: str) -> str:
    value = request.match_info[name]
    try:
        return msgspec.convert(value, Identifier)
    except msgspec.ValidationError:
        raise invalid(Fault(name, "invalid", where="parameter")) from None


def _require_owner(request: web.Request, restaurant_id: str) -> None:
    token, known = tokens.bearer(request.headers), request.app[TOKENS]
    tokens.require(known.is_admin(token) or known.is_restaurant(token, restaurant_id))


async def _put(
    request: web.Request, command: PutRestaurant | PutMenuItem | PutPromotion, shown: dict[str, Any]
) -> web.Response:
    """Write the command and answer with what it made: the fields, those of `shown` in their place or added."""
    deadline = asyncio.get_running_loop().time() + request.app[SETTINGS].order_wait_seconds
    traceparent = request_headers.traceparent(request.headers)
    reply = await request.app[ASKING].ask(command.restaurant_id, command, traceparent, deadline)
    body = msgspec.structs.asdict(command) | shown
    if reply is None:
        return web.Response(
            status=202, body=answers.encode(body | {"status": "pending"}), headers=answers.JSON
        )
    status = STATUSES.get(reply.answer.outcome)
    if status is None:
        raise answers.refusal(reply.answer, {})
    body["version"] = reply.answer.version
    return web.Response(status=status, body=answers.encode(body), headers=answers.JSON)
