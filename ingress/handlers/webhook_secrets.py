"""POST /v1/restaurants/{restaurant_id}/webhook-secrets: the next secret that webhooks are signed with."""

import asyncio
from typing import Any, Literal

from aiohttp import web
from msgspec import UNSET, Struct, UnsetType

from ingress.handlers import responses
from ingress.handlers.app_keys import AUTHOR, COMMANDS, SETTINGS
from ingress.handlers.path_identifiers import identifier
from ingress.handlers.request_bodies import WebhookSecretBody
from ingress.http import request_body, request_headers
from ingress.http.body_validation import BodyReader
from schemas import identity
from schemas.commands import RotateWebhookSecret
from schemas.replies import Answer

_bodies = BodyReader(WebhookSecretBody)


class WebhookSecretResponse(Struct, frozen=True, kw_only=True):
    """The current secret and its version; webhooks are signed with the one before, too. `pending`: not decided yet."""

    restaurant_id: str
    webhook_secret: str | UnsetType = UNSET
    webhook_secret_version: int | UnsetType = UNSET
    status: Literal["pending"] | UnsetType = UNSET


async def rotate(request: web.Request) -> web.Response:
    """Make the next version, for the administrator or a manager."""
    restaurant_id = identifier(request, "restaurant_id")
    body = await request_body.read_optional(request, _bodies)
    command = RotateWebhookSecret(restaurant_id, body.version, request[AUTHOR])
    deadline = asyncio.get_running_loop().time() + request.app[SETTINGS].order_reply_timeout_seconds
    reply = await request.app[COMMANDS].send_and_wait(
        command, request_headers.traceparent(request.headers), deadline
    )
    if reply is None:
        pending = WebhookSecretResponse(restaurant_id=restaurant_id, status="pending")
        return responses.respond(pending, responses.PRIVATE, 202)
    if reply.answer.outcome != "replaced":
        raise responses.problem_of(reply.answer, {})
    body_fields = webhook_secret(request, restaurant_id, reply.answer)
    return responses.respond(
        WebhookSecretResponse(restaurant_id=restaurant_id, **body_fields), responses.PRIVATE, 201
    )


def webhook_secret(request: web.Request, restaurant_id: str, answer: Answer) -> dict[str, Any]:
    """Return the fields with the current secret of a restaurant, as the decider knows its version."""
    version = answer.webhook_secret_version or 1  # workers of earlier releases know no other
    secrets = identity.webhook_secrets(request.app[SETTINGS].webhook_secret, restaurant_id, version)
    return {"webhook_secret": secrets[0], "webhook_secret_version": version}
