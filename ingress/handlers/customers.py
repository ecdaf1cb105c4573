"""POST /v1/customers: a token for a device, of which nothing is stored; and for a phone, by a code that goes there."""

import secrets
from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct

from ingress.handlers import responses
from ingress.handlers.app_keys import RATE_LIMITS, SETTINGS, TOKENS, VERIFICATIONS
from ingress.http import request_body, request_headers
from ingress.http.body_validation import BodyReader
from ingress.http.content_negotiation import negotiate_language
from ingress.http.problems import Problem
from ingress.http.text_fields import TextBodyReader
from schemas import timestamps
from schemas.assurance import ProvedAssurance

#: Random bytes of a device's id: no two devices draw the same, and no one guesses another's.
DEVICE_ID_BYTES = 16
#: How long a customer's token is valid, in seconds: a year.
TOKEN_SECONDS = 365 * 86_400


class NewCustomerBody(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /v1/customers: an empty object, or no body at all."""


class PhoneBody(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /v1/customers/verifications."""

    phone: Annotated[str, Meta(min_length=1, max_length=40, extra={"text": "phone"})]


class CodeBody(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /v1/customers/verifications/{verification_id}: the code that was sent."""

    code: Annotated[str, Meta(pattern=r"^[0-9]{6}(?!\n)$")]


class CustomerResponse(Struct, frozen=True):
    """A customer, and the token that proves to be the one."""

    customer_id: str
    token: str
    assurance: ProvedAssurance


_new_customers = BodyReader(NewCustomerBody)
_phones = TextBodyReader(PhoneBody)
_codes = BodyReader(CodeBody)


async def create(request: web.Request) -> web.Response:
    """Return the token of a new customer; raises Problem (429) for an address that asks for too many."""
    request.app[RATE_LIMITS].consume_new_customer(request)
    await request_body.read_optional(request, _new_customers)
    return respond(request, f"d_{secrets.token_hex(DEVICE_ID_BYTES)}", "device", 201)


async def begin_verification(request: web.Request) -> web.Response:
    """Send a code to a phone."""
    request.app[RATE_LIMITS].consume_for_address(request)
    body = await request_body.read(request, _phones)
    language = negotiate_language(request_headers.joined(request.headers, "Accept-Language"))
    network = request.app[RATE_LIMITS].limited_network(request)
    begun = await request.app[VERIFICATIONS].begin(body.phone, network, language)
    return responses.respond(begun, responses.PRIVATE, 202)


async def check_code(request: web.Request) -> web.Response:
    """Return the token of the customer whose phone got this code; raises Problem."""
    request.app[RATE_LIMITS].consume_for_address(request)
    body = await request_body.read(request, _codes)
    result = await request.app[VERIFICATIONS].check(request.match_info["verification_id"], body.code)
    match result.outcome:
        case "proved":
            return respond(request, result.customer_id, "phone")
        case "wrong":
            raise Problem("wrong-code")
        case "exhausted":
            # by then the phone may be sent another code
            seconds = request.app[SETTINGS].verification_resend_seconds
            raise Problem("too-many-guesses", headers={"Retry-After": str(seconds)})
        case "unknown":
            raise Problem("unknown-verification")


def respond(
    request: web.Request, customer_id: str, assurance: ProvedAssurance, status: int = 200
) -> web.Response:
    """Return the response with a customer's token."""
    expires_at = int(timestamps.epoch_clock()) + TOKEN_SECONDS
    token = request.app[TOKENS].customer(customer_id, assurance, expires_at)
    return responses.respond(CustomerResponse(customer_id, token, assurance), responses.PRIVATE, status)
