"""Codes in Redis. Each key expires by itself; what is counted and compared is one script each."""

from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from ingress.customers.codes import CheckResult, CodeStore, SentCode
from ingress.http.problems import Unavailable
from schemas import redis_keys
from schemas.settings import Settings

#: Wrong guesses that end a verification.
MAX_WRONG_GUESSES = 5
DAY_SECONDS = 86_400
#: The bound of an address without one.
NO_BOUND = 2**31

_LUA = Path(__file__).parent / "lua"


class RedisCodes(CodeStore):
    """Stores codes within the bounds of the settings."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._settings = settings
        self._add = redis.register_script((_LUA / "add_code.lua").read_bytes())
        self._remove = redis.register_script((_LUA / "remove_code.lua").read_bytes())
        self._check = redis.register_script((_LUA / "check_code.lua").read_bytes())

    async def add(self, sent: SentCode) -> int:
        settings = self._settings
        has_address = sent.address is not None
        arguments = (
            settings.verification_resend_seconds,
            DAY_SECONDS,
            settings.verification_seconds,
            sent.verification_id,
            sent.code,
            sent.customer_id,
            settings.verification_codes_per_phone_and_address if has_address else NO_BOUND,
            settings.verification_codes_per_phone,
            settings.verification_codes_per_address if has_address else NO_BOUND,
            settings.verification_codes_per_day,
        )
        try:
            return int(await self._add(_keys(sent), arguments))
        except (RedisError, OSError, TimeoutError):
            raise Unavailable() from None

    async def remove(self, sent: SentCode) -> None:
        try:
            await self._remove(_keys(sent), [sent.verification_id])
        except (RedisError, OSError, TimeoutError):
            raise Unavailable() from None

    async def check(self, verification_id: str, code: str) -> CheckResult:
        try:
            outcome, customer_id = await self._check(
                [redis_keys.verification(verification_id)], [code, MAX_WRONG_GUESSES]
            )
        except (RedisError, OSError, TimeoutError):
            raise Unavailable() from None
        return CheckResult(outcome.decode(), customer_id.decode())


def _keys(sent: SentCode) -> list[str]:
    """Return the keys of the scripts; the counts are in the order of their bounds."""
    address = sent.address or ""
    return [
        redis_keys.code_pause(sent.phone),
        redis_keys.verification(sent.verification_id),
        redis_keys.codes_of(f"phone:{sent.phone}:{address}"),
        redis_keys.codes_of(f"phone:{sent.phone}"),
        redis_keys.codes_of(f"address:{address}"),
        redis_keys.codes_of("all"),
    ]
