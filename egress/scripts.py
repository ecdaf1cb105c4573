"""Lua scripts that lie beside this file, each run in one round trip."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

Argument = bytes | str | int


class Script:
    """A script by its file's name."""

    def __init__(self, name: str) -> None:
        """Read it."""
        self._text = (Path(__file__).parent / name).read_bytes()
        self._digest = hashlib.sha1(self._text, usedforsecurity=False).hexdigest()

    async def run(self, redis: Redis, keys: Sequence[str], arguments: Sequence[Argument]) -> Any:
        """Return what it returns; raises what the client raises."""
        try:
            return await redis.evalsha(self._digest, len(keys), *keys, *arguments)
        except NoScriptError:  # Redis was started since
            await redis.script_load(self._text)
            return await redis.evalsha(self._digest, len(keys), *keys, *arguments)
