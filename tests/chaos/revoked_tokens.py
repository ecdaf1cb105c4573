"""Tokens of restaurants that were revoked, and a client that keeps trying them."""

import asyncio
import base64
import json
import random
import time

import aiohttp

from tests.chaos.operators import run_command
from tests.chaos.stack_under_test import RevokedToken, StackUnderTest
from tests.checker.observations import RevokedRead

#: Between two attempts, in seconds.
INTERVAL_SECONDS = 0.3
#: How long a revocation may take to reach every process, in seconds: one that was cut off from the broker reads it late.
GRACE_SECONDS = 20.0


async def issue_and_revoke(target: StackUnderTest, restaurant: str) -> RevokedToken:
    """Issue a token, have it open the restaurant's board, and revoke it. Raises RuntimeError if a step fails."""
    token = await run_command(target, "ingress", "tokens", "issue", "--restaurant", restaurant)
    async with aiohttp.ClientSession() as session:
        deadline = time.monotonic() + GRACE_SECONDS
        while (status := await _read(session, target.stack.url, restaurant, token)) != 200:
            if time.monotonic() > deadline:
                raise RuntimeError(f"an issued token is answered {status}")
            await asyncio.sleep(INTERVAL_SECONDS)
    payload = token.split(".")[1]
    token_id = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["jti"]
    await run_command(target, "ingress", "tokens", "revoke", "--restaurant", restaurant, token_id)
    return RevokedToken(restaurant, token, time.monotonic())


class RevokedTokenReaders:
    """Tries revoked tokens over HTTP, and records each attempt for the checker."""

    def __init__(self, session: aiohttp.ClientSession, target: StackUnderTest, seed: int) -> None:
        self.reads: list[RevokedRead] = []
        self._session = session
        self._target = target
        self._rng = random.Random(f"{seed}/revoked tokens")

    async def run(self) -> None:
        """Try them until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            due = time.monotonic() - GRACE_SECONDS
            if revoked := [one for one in self._target.revoked_tokens if one.revoked_at < due]:
                one = self._rng.choice(revoked)
                status = await _read(self._session, self._target.stack.url, one.restaurant, one.token)
                self.reads.append(RevokedRead(one.restaurant, status))


async def _read(session: aiohttp.ClientSession, url: str, restaurant: str, token: str) -> int:
    """Return the status of a board's snapshot; 0 without a response."""
    headers = {"Authorization": f"Bearer {token}"}
    try:
        async with session.get(f"{url}/v1/restaurants/{restaurant}/dashboard", headers=headers) as response:
            return response.status
    except (aiohttp.ClientError, TimeoutError, OSError):
        return 0
