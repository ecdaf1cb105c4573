"""What the application holds for its handlers, by typed key."""

from aiohttp import web

from ingress.asking import Asking
from ingress.attempts import Attempts
from ingress.health import Health
from ingress.live.hub import Hub
from ingress.menus import Menus
from ingress.privacy.keyring import Keyring
from ingress.rate_limits import RateLimits
from ingress.tokens import Tokens
from ingress.views import Views
from ingress.watch import Watch
from schemas.settings import Settings

#: The public key that pushes are signed with; empty: nothing is pushed.
PUSH_KEY = web.AppKey("push_key", str)
SETTINGS = web.AppKey("settings", Settings)
TOKENS = web.AppKey("tokens", Tokens)
KEYRING = web.AppKey("keyring", Keyring)
ASKING = web.AppKey("asking", Asking)
ATTEMPTS = web.AppKey("attempts", Attempts)
RATE_LIMITS = web.AppKey("rate_limits", RateLimits)
VIEWS = web.AppKey("views", Views)
MENUS = web.AppKey("menus", Menus)
HEALTH = web.AppKey("health", Health)
WATCH = web.AppKey("watch", Watch)
HUB = web.AppKey("hub", Hub)
