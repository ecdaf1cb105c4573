"""What is known of an order now: from the views and answers, and from its decider when these may not have it.

DECISIONS.md, read-your-own-writes
"""

import asyncio

from aiohttp import web

from ingress.handlers.access import OrderAccess
from ingress.handlers.app_keys import (
    ADMITTED_ORDERS,
    ANSWERS,
    CHANGE_TRACKER,
    COMMANDS,
    RATE_LIMITS,
    SETTINGS,
)
from ingress.http import request_headers
from ingress.http.problems import Problem, Unavailable
from ingress.views import answers
from ingress.views.answers import AnsweredOrder, Refusal
from ingress.views.ports import OrderView
from schemas import timestamps, view_keys
from schemas.commands import FindOrder
from schemas.orders import Order
from schemas.replies import Reply
from schemas.runtime import partitioner

#: Longest wait for the decider, in seconds.
FIND_TIMEOUT_SECONDS = 0.9
#: Age of the views, in milliseconds, past which they may lack what an answer, which is gone by then, has said.
MAX_VIEW_AGE_MS = (view_keys.ANSWERED_TTL_SECONDS - 10) * 1000

#: `key_reused`: another request has placed the order than the one that the token is for.
_FOUND_OUTCOMES = frozenset({"found", "unknown_order", "key_reused"})


async def find(request: web.Request, access: OrderAccess, *, accept_stale: bool = False) -> OrderView | None:
    """Return the newest state of the order that a request may open; None if it is not decided yet.

    `accept_stale`: what the views show is enough, as for a stream, which later states follow. Raises Problem:
    `unknown-order` for a restaurant's token, and for that of another request; Unavailable if an earlier answer may have said more than is known here.
    """
    if access.view is not None and (accept_stale or _is_certain(request, access, access.view)):
        return access.view
    restaurant_id = access.restaurant_id
    if restaurant_id is None or request.app[SETTINGS].escrow_buckets > 1:  # the order's bucket is not known
        return access.view
    reply = await _ask_decider(request, access, restaurant_id)
    if reply is None and not accept_stale:
        raise Unavailable()
    if reply is None:
        return None
    if reply.answer.outcome == "found" and reply.answer.order is not None:
        access.require_opened(request, reply.answer.order)
        await record(request, reply.answer.order)
        return answers.newest(access.view, [AnsweredOrder(reply.answer.order)])
    if not access.is_customer or reply.answer.outcome == "key_reused":
        raise Problem("unknown-order")
    # The order was placed before its token existed, so it was decided before this: it was refused without a fact.
    refused = Refusal(access.order_id, restaurant_id, "refused", timestamps.now_text(), access.holder)
    await request.app[ANSWERS].record(refused)
    return answers.newest(access.view, [refused])


async def record(request: web.Request, order: Order) -> bool:
    """Record the order that the response to a request will show; return True if readers will find it."""
    return await request.app[ANSWERS].record(AnsweredOrder(order))


def _is_certain(request: web.Request, access: OrderAccess, view: OrderView) -> bool:
    """Return True if no earlier answer can have said more than a view.

    An answer is not always kept when an order is confirmed while Redis is away. Then the view lacks the order, or shows it
    as pending.
    """
    return view.order.status != "pending" and not _are_views_behind(request, access)


def _are_views_behind(request: web.Request, access: OrderAccess) -> bool:
    if access.restaurant_id is None:
        return False
    partitions = list(range(request.app[SETTINGS].partitions))
    partition = partitioner.partition(access.restaurant_id.encode(), partitions, partitions)
    as_of = request.app[CHANGE_TRACKER].as_of(partition)
    return timestamps.wall_clock() - as_of > MAX_VIEW_AGE_MS


async def _ask_decider(request: web.Request, access: OrderAccess, restaurant_id: str) -> Reply | None:
    """Return the decider's reply; None if it does not answer in time, or there are too many look-ups."""
    app = request.app
    command = FindOrder(restaurant_id, access.order_id, access.holder)
    deadline = asyncio.get_running_loop().time() + FIND_TIMEOUT_SECONDS
    try:
        app[RATE_LIMITS].consume_for_address(request)
        app[ADMITTED_ORDERS].consume(access.order_id, access.party)
        async with asyncio.timeout_at(deadline):  # writing may take longer than the wait for the reply
            reply = await app[COMMANDS].send_and_wait(
                command, request_headers.traceparent(request.headers), deadline
            )
    except (Problem, TimeoutError):
        return None
    return reply if reply is not None and reply.answer.outcome in _FOUND_OUTCOMES else None
