"""Who orders: the customer that the bearer token of a request proves, and nothing else that the request says."""

from aiohttp import web

from ingress.handlers.access import read_token
from ingress.http import tokens
from ingress.http.problems import Problem
from ingress.http.token_claims import CustomerClaims
from schemas.commands import CustomerRef


async def identify(request: web.Request) -> CustomerRef | None:
    """Return the customer; None for a request without a token, which is known by its address only.

    Raises Problem: `unauthorized` for a token that proves nothing, `forbidden` for one of another kind. Raises
    Unavailable if the keys of a partner cannot be had.
    """
    if "Authorization" not in request.headers:
        return None
    claims = await read_token(request, tokens.bearer(request.headers))
    if not isinstance(claims, CustomerClaims):
        raise Problem("forbidden")
    return CustomerRef(claims.customer_id, claims.assurance)
