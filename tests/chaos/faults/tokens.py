"""Faults of tokens: an operator revokes one, and it must open nothing from then on."""

from tests.chaos.faults.fault import Injection
from tests.chaos.restaurants import RESTAURANTS
from tests.chaos.revoked_tokens import issue_and_revoke


async def revoke(injection: Injection) -> None:
    """Issue a token of a restaurant, and revoke it; `RevokedTokenReaders` tries it from then on."""
    restaurant = injection.rng.choice(RESTAURANTS)
    injection.target.revoked_tokens.append(await issue_and_revoke(injection.target, restaurant))
