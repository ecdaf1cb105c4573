"""The Lua scripts of the folder `lua`, each run in one round trip."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError


class LuaScript:
    """The script in the file of this name."""

    def __init__(self, name: str) -> None:
        self._text = (Path(__file__).parent / "lua" / name).read_bytes()
        self._digest = hashlib.sha1(self._text, usedforsecurity=False).hexdigest()

    async def run(self, redis: Redis, keys: Sequence[str], arguments: Sequence[bytes | str]) -> Any:
        """Return the script's result; raises what the client raises."""
        try:
            return await redis.evalsha(self._digest, len(keys), *keys, *arguments)
        except NoScriptError:  # Redis has restarted since the script was loaded
            await redis.script_load(self._text)
            return await redis.evalsha(self._digest, len(keys), *keys, *arguments)
