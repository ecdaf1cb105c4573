"""What the application holds for its handlers, by typed key."""

from aiohttp import web

from ingress.asking import Asking
from ingress.health import Health
from ingress.menus import Menus
from ingress.tokens import Tokens
from ingress.views import Views
from ingress.watch import Watch
from schemas.settings import Settings

SETTINGS = web.AppKey("settings", Settings)
TOKENS = web.AppKey("tokens", Tokens)
ASKING = web.AppKey("asking", Asking)
VIEWS = web.AppKey("views", Views)
MENUS = web.AppKey("menus", Menus)
HEALTH = web.AppKey("health", Health)
WATCH = web.AppKey("watch", Watch)
