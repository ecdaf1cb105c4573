"""The application: its routes, and what its handlers are given."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

from ingress import changing, offering, operating, placing, reading
from ingress.asking import Asking
from ingress.front import front
from ingress.health import Health
from ingress.keys import ASKING, HEALTH, MENUS, SETTINGS, TOKENS, VIEWS, WATCH
from ingress.menus import Menus
from ingress.tokens import Tokens
from ingress.views import Views
from ingress.watch import Watch
from schemas.settings import Settings

#: Longest body of a request, in bytes; past it 413.
MAX_BODY_BYTES = 64 * 1024


def make_app(settings: Settings, asking: Asking, views: Views, health: Health) -> web.Application:
    """Return the application over these parts."""
    app = web.Application(middlewares=[front], client_max_size=MAX_BODY_BYTES)
    app[SETTINGS] = settings
    app[TOKENS] = Tokens(settings.token_secret, settings.admin_token)
    app[ASKING] = asking
    app[VIEWS] = views
    app[WATCH] = Watch(views, settings.partitions)
    app[MENUS] = Menus(views, app[WATCH], settings.stale_reads_seconds)
    app[HEALTH] = health
    app.cleanup_ctx.append(_watching)
    app.add_routes(
        [
            web.post("/v1/orders", placing.place),
            web.post("/pedidos", placing.place),
            web.get("/v1/orders/{order_id}", reading.order),
            web.post("/v1/orders/{order_id}/cancel", changing.cancel),
            web.post("/v1/orders/{order_id}/status", changing.advance),
            web.get("/v1/restaurants", reading.restaurants),
            web.put("/v1/restaurants/{restaurant_id}", offering.put_restaurant),
            web.get("/v1/restaurants/{restaurant_id}/menu", reading.menu),
            web.get("/catalogo", reading.catalogo),
            web.put("/v1/restaurants/{restaurant_id}/menu/{sku}", offering.put_menu_item),
            web.put("/v1/restaurants/{restaurant_id}/promotions/{promotion_id}", offering.put_promotion),
            web.get("/health/live", operating.live),
            web.get("/health/ready", operating.ready),
            web.get("/metrics", operating.metrics),
            web.get("/problems/{slug}", operating.problem),
        ]
    )
    return app


async def _watching(app: web.Application) -> AsyncIterator[None]:
    """Watch the views while requests are taken."""
    await app[WATCH].ask()
    watching = asyncio.ensure_future(app[WATCH].run())
    yield
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching
