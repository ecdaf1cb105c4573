"""The application: its routes, and what its handlers are given."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from aiohttp import web

from ingress import (
    changing,
    documenting,
    offering,
    operating,
    placing,
    push_key,
    reading,
    security_headers,
    shedding,
    showing,
    subscribing,
)
from ingress.asking import Asking
from ingress.attempts import Attempts
from ingress.front import front
from ingress.health import Health
from ingress.keys import (
    ASKING,
    ATTEMPTS,
    HEALTH,
    HUB,
    KEYRING,
    MENUS,
    PUSH_KEY,
    RATE_LIMITS,
    SETTINGS,
    TOKENS,
    VIEWS,
    WATCH,
)
from ingress.live import order_events, restaurant_feed
from ingress.live.feeds import Feeds
from ingress.live.hub import Hub
from ingress.live.limits import Limits
from ingress.menus import Menus
from ingress.privacy.keyring import Keyring
from ingress.rate_limits import RateLimits
from ingress.request_body import MAX_BODY_BYTES
from ingress.tokens import Tokens
from ingress.views import Views
from ingress.watch import Watch
from schemas.ending import end
from schemas.settings import Settings


def make_app(
    settings: Settings, asking: Asking, views: Views, health: Health, keyring: Keyring, feeds: Feeds
) -> web.Application:
    """Return the application over these parts."""
    app = web.Application(middlewares=[front, shedding.pages], client_max_size=MAX_BODY_BYTES)
    app[SETTINGS] = settings
    app[TOKENS] = Tokens(settings.token_secret, settings.admin_token)
    app[ASKING] = asking
    app[PUSH_KEY] = push_key.public(settings.vapid_private_key)
    app[KEYRING] = keyring
    app[VIEWS] = views
    app[WATCH] = Watch(views, settings.partitions)
    app[MENUS] = Menus(views, app[WATCH], settings.stale_reads_seconds, shedding.spares_reads(asking))
    app[ATTEMPTS] = Attempts()
    app[RATE_LIMITS] = RateLimits(settings)
    app[HEALTH] = health
    app.on_response_prepare.append(security_headers.add)
    limits = Limits(settings.max_streams, settings.max_streams_per_order, settings.max_feeds_per_restaurant)
    app[HUB] = Hub(feeds, app[WATCH], limits)
    app.cleanup_ctx.append(_watching)
    app.cleanup_ctx.append(_following)
    app.on_shutdown.append(_end_streams)
    app.add_routes(
        [
            web.post("/v1/orders", placing.place),
            web.post("/pedidos", placing.place),
            web.get("/v1/orders/{order_id}", reading.order),
            web.get("/v1/orders/{order_id}/events", order_events.events, allow_head=False),
            web.post("/v1/orders/{order_id}/cancel", changing.cancel),
            web.post("/v1/orders/{order_id}/status", changing.advance),
            web.get("/v1/push/key", subscribing.key),
            web.post("/v1/orders/{order_id}/push", subscribing.subscribe),
            web.delete("/v1/orders/{order_id}/push", subscribing.unsubscribe),
            web.get("/v1/restaurants", reading.restaurants),
            web.put("/v1/restaurants/{restaurant_id}", offering.put_restaurant),
            web.get("/v1/restaurants/{restaurant_id}/menu", reading.menu),
            web.get("/catalogo", reading.catalogo),
            web.put("/v1/restaurants/{restaurant_id}/menu/{sku}", offering.put_menu_item),
            web.put("/v1/restaurants/{restaurant_id}/promotions/{promotion_id}", offering.put_promotion),
            web.get("/v1/restaurants/{restaurant_id}/dashboard", restaurant_feed.dashboard),
            web.get("/v1/restaurants/{restaurant_id}/feed", restaurant_feed.feed, allow_head=False),
            web.get("/health/live", operating.live),
            web.get("/health/ready", operating.ready),
            web.get("/metrics", operating.metrics),
            web.get("/problems/{slug}", operating.problem),
            web.get("/openapi.json", documenting.openapi),
            web.get("/docs", documenting.docs),
            web.get("/", showing.customer),
            web.get("/painel/{restaurant_id}", showing.board),
            web.get("/web/{version}/{name}", showing.file),
            web.get("/sw.js", showing.worker),
        ]
    )
    return app


async def _watching(app: web.Application) -> AsyncIterator[None]:
    """Watch the views while requests are taken."""
    await app[WATCH].ask()
    async with _working(app[WATCH].run()):
        yield


async def _following(app: web.Application) -> AsyncIterator[None]:
    """Follow the feeds while requests are taken."""
    async with _working(app[HUB].run()):
        yield


async def _end_streams(app: web.Application) -> None:
    """Let clients go that would stay for ever: they resume at another process."""
    app[HUB].close()


@contextlib.asynccontextmanager
async def _working(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        await end(task)
