"""DELETE of restaurants, menu items and promotions."""

import asyncio
from typing import Literal

from aiohttp import web
from msgspec import Struct

from ingress.commands.admission import Pressure
from ingress.handlers import responses
from ingress.handlers.app_keys import AUTHOR, COMMANDS, RATE_LIMITS, SETTINGS, VIEWS
from ingress.handlers.path_identifiers import identifier
from ingress.http import request_headers
from ingress.views.visibility import wait_until_visible
from schemas import view_keys
from schemas.commands import CatalogueDeletion, DeleteMenuItem, DeletePromotion, DeleteRestaurant


class DeletionResponse(Struct, frozen=True):
    """A deletion that is not decided yet, or that menus do not show yet."""

    status: Literal["pending"]


async def delete_restaurant(request: web.Request) -> web.Response:
    """Delete a restaurant, for the administrator."""
    return await _delete(request, DeleteRestaurant(identifier(request, "restaurant_id"), request[AUTHOR]))


async def delete_menu_item(request: web.Request) -> web.Response:
    """Delete a menu item, for the administrator or the restaurant."""
    restaurant_id, sku = identifier(request, "restaurant_id"), identifier(request, "sku")
    return await _delete(request, DeleteMenuItem(restaurant_id, sku, request[AUTHOR]))


async def delete_promotion(request: web.Request) -> web.Response:
    """Delete a promotion, for the administrator or the restaurant."""
    restaurant_id, promotion_id = identifier(request, "restaurant_id"), identifier(request, "promotion_id")
    return await _delete(request, DeletePromotion(restaurant_id, promotion_id, request[AUTHOR]))


async def _delete(request: web.Request, command: CatalogueDeletion) -> web.Response:
    """Send the command, and answer 204 when no process shows any more what was deleted; raises Problem."""
    request.app[RATE_LIMITS].consume_catalogue_change(command.restaurant_id)
    deadline = asyncio.get_running_loop().time() + request.app[SETTINGS].order_reply_timeout_seconds
    traceparent = request_headers.traceparent(request.headers)
    reply = await request.app[COMMANDS].send_and_wait(command, traceparent, deadline)
    if reply is None:
        return responses.respond(DeletionResponse("pending"), status=202)
    if reply.answer.outcome != "deleted":
        raise responses.problem_of(reply.answer, {})
    is_under_pressure = request.app[COMMANDS].pressure >= Pressure.READS
    is_visible = await wait_until_visible(
        request.app[VIEWS],
        view_keys.DELETIONS,
        command.restaurant_id,
        reply.answer.version,
        deadline,
        is_under_pressure=is_under_pressure,
    )
    if not is_visible:
        return responses.respond(DeletionResponse("pending"), status=202)
    return web.Response(status=204)
