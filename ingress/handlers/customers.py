"""POST /v1/customers: a token by which a device is known from one order to the next. Nothing is stored."""

import secrets

from aiohttp import web
from msgspec import Struct

from ingress.handlers import responses
from ingress.handlers.app_keys import RATE_LIMITS, TOKENS
from ingress.http import request_body
from ingress.http.body_validation import BodyReader
from schemas import timestamps
from schemas.assurance import ProvedAssurance

#: Random bytes of a device's id: no two devices draw the same, and no one guesses another's.
DEVICE_ID_BYTES = 16
#: How long a customer's token is valid, in seconds: a year.
TOKEN_SECONDS = 365 * 86_400


class NewCustomerBody(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /v1/customers: an empty object, or no body at all."""


class CustomerResponse(Struct, frozen=True):
    """A customer, and the token that proves to be the one."""

    customer_id: str
    token: str
    assurance: ProvedAssurance


_new_customers = BodyReader(NewCustomerBody)


async def create(request: web.Request) -> web.Response:
    """Return the token of a new customer; raises Problem (429) for an address that asks for too many."""
    request.app[RATE_LIMITS].consume_new_customer(request)
    await request_body.read_optional(request, _new_customers)
    return respond(request, f"d_{secrets.token_hex(DEVICE_ID_BYTES)}", "device", 201)


def respond(
    request: web.Request, customer_id: str, assurance: ProvedAssurance, status: int = 200
) -> web.Response:
    """Return the response with a customer's token."""
    expires_at = int(timestamps.epoch_clock()) + TOKEN_SECONDS
    token = request.app[TOKENS].customer(customer_id, assurance, expires_at)
    return responses.respond(CustomerResponse(customer_id, token, assurance), responses.PRIVATE, status)
