"""The parts that handlers get from the application, by typed key."""

from aiohttp import web

from ingress.commands.client import CommandClient
from ingress.customers.partner_tokens import PartnerTokens
from ingress.customers.verifications import Verifications
from ingress.handlers.health import Health
from ingress.http.client_addresses import AddressLimit
from ingress.http.roles import Role
from ingress.http.tokens import Tokens
from ingress.live.hub import Hub
from ingress.live.limits import PendingHandshakes
from ingress.load_shedding.admitted_orders import AdmittedOrders
from ingress.load_shedding.rate_limits import RateLimits
from ingress.privacy.keyring import Keyring
from ingress.views.answers import AnswerStore
from ingress.views.change_tracker import ChangeTracker
from ingress.views.menu_cache import MenuCache
from ingress.views.ports import ViewReader
from schemas.settings import Settings

ANSWERS = web.AppKey("answers", AnswerStore)
#: The roles that a route allows, by method and path.
ACCESS_RULES = web.AppKey("access_rules", dict[tuple[str, str], frozenset[Role]])
ADMITTED_ORDERS = web.AppKey("admitted_orders", AdmittedOrders)
CHANGE_TRACKER = web.AppKey("change_tracker", ChangeTracker)
COMMANDS = web.AppKey("commands", CommandClient)
HEALTH = web.AppKey("health", Health)
HUB = web.AppKey("hub", Hub)
KEYRING = web.AppKey("keyring", Keyring)
MENUS = web.AppKey("menus", MenuCache)
PARTNER_TOKENS = web.AppKey("partner_tokens", PartnerTokens)
PENDING_HANDSHAKES = web.AppKey("pending_handshakes", PendingHandshakes)
#: The public key of Web Push; empty if this installation pushes nothing.
PUSH_KEY = web.AppKey("push_key", str)
RATE_LIMITS = web.AppKey("rate_limits", RateLimits)
SETTINGS = web.AppKey("settings", Settings)
#: How many streams one address may have open, by channel: customers beside a board must not take its places.
STREAMS_PER_ADDRESS = web.AppKey("streams_per_address", dict[str, AddressLimit])
TOKENS = web.AppKey("tokens", Tokens)
#: Of a request that changes a catalogue: the name under which the change is published.
AUTHOR = web.RequestKey("author", str)
#: Codes that prove a phone.
VERIFICATIONS = web.AppKey("verifications", Verifications)
VIEWS = web.AppKey("views", ViewReader)
