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
        self._check = redis.register_script((_LUA / "check_code.lua").read_bytes())

    async def add(self, sent: SentCode) -> int:
        settings = self._settings
        keys = (
            redis_keys.code_pause(sent.phone),
            redis_keys.codes_of(f"phone:{sent.phone}"),
            redis_keys.codes_of(f"address:{sent.address or ''}"),
            redis_keys.codes_of("all"),
            redis_keys.verification(sent.verification_id),
        )
        arguments = (
            settings.verification_codes_per_phone,
            NO_BOUND if sent.address is None else settings.verification_codes_per_address,
            settings.verification_codes_per_day,
            settings.verification_resend_seconds,
            DAY_SECONDS,
            settings.verification_seconds,
            sent.code,
            sent.customer_id,
        )
        try:
            return int(await self._add(keys, arguments))
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
