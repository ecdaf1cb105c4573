"""The application: its parts, by typed key, and the routes of the table."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from ingress.commands.admission import Pressure
from ingress.commands.client import CommandClient
from ingress.customers.partner_tokens import PartnerTokens
from ingress.customers.verifications import Verifications
from ingress.fast_path.connection import FastPath
from ingress.handlers import app_keys, middleware, place_order
from ingress.handlers.health import Health
from ingress.handlers.ops import METRICS_RENDERER, MetricsRenderer
from ingress.http import security_headers
from ingress.http.client_addresses import AddressLimit
from ingress.http.issued_tokens import IssuedTokens
from ingress.http.request_body import MAX_BODY_BYTES
from ingress.http.roles import Role
from ingress.http.tokens import Tokens
from ingress.live.hub import Hub
from ingress.live.limits import ChannelLimits, FollowerLimits, PendingHandshakes
from ingress.live.ports import Feeds
from ingress.load_shedding import admitted_orders, rate_limits
from ingress.load_shedding.admitted_orders import AdmittedOrders, Party
from ingress.load_shedding.rate_limits import RateLimits
from ingress.memory import budgets, gauges
from ingress.openapi.handlers import API_DESCRIPTION, ApiDescription
from ingress.privacy.keyring import Keyring
from ingress.routes import ROUTES
from ingress.server.connection import ConnectionFactory
from ingress.views.answers import AnswerStore, Refusal
from ingress.views.change_tracker import ChangeTracker
from ingress.views.menu_cache import MenuCache
from ingress.views.ports import ViewReader
from schemas import buckets, metrics, vapid
from schemas.replies import Reply
from schemas.runtime.cancellation import in_background
from schemas.settings import Settings

#: Feeds of this process whose client has sent no token yet.
MAX_PENDING_HANDSHAKES = 1_000


def make_app(
    settings: Settings,
    commands: CommandClient,
    views: ViewReader,
    answers: AnswerStore,
    health: Health,
    keyring: Keyring,
    feeds: Feeds,
    issued: IssuedTokens,
    verifications: Verifications,
    partner_tokens: PartnerTokens,
) -> web.Application:
    """Return the application over these parts."""
    shed_first = middleware.shed_first({route.path for route in ROUTES if route.is_shed_first})
    app = web.Application(
        middlewares=[middleware.error_and_metrics, shed_first], client_max_size=MAX_BODY_BYTES
    )
    tracker = ChangeTracker(views, settings.partitions)
    limits = FollowerLimits(
        {
            "sse": ChannelLimits(settings.max_streams, settings.max_streams_per_order),
            "feed": ChannelLimits(settings.max_feeds, settings.max_feeds_per_restaurant),
        }
    )
    access_rules: dict[tuple[str, str], frozenset[Role]]
    access_rules = {(route.method, route.path): route.access for route in ROUTES}
    app[app_keys.ACCESS_RULES] = access_rules
    app[app_keys.ADMITTED_ORDERS] = AdmittedOrders()
    app[API_DESCRIPTION] = ApiDescription(ROUTES)
    app[app_keys.ANSWERS] = answers
    app[app_keys.CHANGE_TRACKER] = tracker
    app[app_keys.COMMANDS] = commands
    app[app_keys.HEALTH] = health
    app[app_keys.HUB] = Hub(feeds, tracker, limits)
    app[app_keys.KEYRING] = keyring
    app[app_keys.MENUS] = MenuCache(
        views, tracker, settings.stale_if_error_seconds, lambda: commands.pressure >= Pressure.READS
    )
    app[app_keys.PARTNER_TOKENS] = partner_tokens
    app[app_keys.PENDING_HANDSHAKES] = PendingHandshakes(MAX_PENDING_HANDSHAKES)
    app[METRICS_RENDERER] = MetricsRenderer()
    app[app_keys.PUSH_KEY] = vapid.public_key(settings.vapid_private_key)
    app[app_keys.RATE_LIMITS] = RateLimits(settings)
    app[app_keys.SETTINGS] = settings
    app[app_keys.STREAMS_PER_ADDRESS] = {
        channel: AddressLimit(settings, settings.max_streams_per_address) for channel in ("sse", "feed")
    }
    app[app_keys.TOKENS] = Tokens(settings.token_secret, settings.admin_token, issued)
    app[app_keys.VERIFICATIONS] = verifications
    app[app_keys.VIEWS] = views
    app.add_routes([route.definition() for route in ROUTES])
    app.on_response_prepare.append(security_headers.add)
    app.cleanup_ctx.append(_run_parts)
    app.cleanup_ctx.append(_record_late_replies)
    app.on_shutdown.append(_close_streams)
    return app


def connection_factory(app: web.Application) -> ConnectionFactory:
    """Return what makes the application's connections: with the fast path, unless PROMO_FAST_PATH=0."""
    if app[app_keys.SETTINGS].fast_path:
        return FastPath(app[app_keys.MENUS], app[app_keys.COMMANDS], app[app_keys.ADMITTED_ORDERS])
    return ConnectionFactory()


async def _run_parts(app: web.Application) -> AsyncIterator[None]:
    await app[app_keys.CHANGE_TRACKER].poll()
    total = budgets.total(
        app[app_keys.SETTINGS], 2 * rate_limits.MAX_CLIENTS + len(Party) * admitted_orders.MAX_ORDERS
    )
    metrics.memory_budget.set(total)
    async with (
        in_background(app[app_keys.CHANGE_TRACKER].run()),
        in_background(app[app_keys.HUB].run()),
        in_background(gauges.run()),
    ):
        yield


async def _record_late_replies(app: web.Application) -> AsyncIterator[None]:
    """Record refusals of orders that were answered 202; all else that became of these orders is in the views."""
    recordings: set[asyncio.Task[bool]] = set()

    def record(order_id: str, restaurant_id: str, holder: str, reply: Reply) -> None:
        answered = place_order.answered_order(order_id, buckets.restaurant(restaurant_id), holder, reply)
        if isinstance(answered, Refusal):
            task = asyncio.ensure_future(app[app_keys.ANSWERS].record(answered))
            recordings.add(task)
            task.add_done_callback(recordings.discard)

    app[app_keys.COMMANDS].on_late_reply = record
    yield
    app[app_keys.COMMANDS].on_late_reply = None
    await asyncio.gather(*recordings)


async def _close_streams(app: web.Application) -> None:
    """End the streams, which would otherwise outlast the shutdown; their clients resume at another process."""
    app[app_keys.HUB].close()
