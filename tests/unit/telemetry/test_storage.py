"""How full storages are: a measurement never ends the process that it measures."""

import asyncio
from pathlib import Path

import pytest
from redis.exceptions import ResponseError

from egress import redis_client
from schemas import metrics
from schemas.telemetry import storage


class FakeRedis:
    def __init__(self, memory: dict[str, int] | Exception) -> None:
        self._memory = memory

    async def info(self, section: str) -> dict[str, int]:
        if isinstance(self._memory, Exception):
            raise self._memory
        return self._memory


async def test_a_missing_folder_is_not_measured(tmp_path: Path) -> None:
    """A worker whose folder was deleted would end, instead of rebuilding its store."""
    assert await storage.disk_share(tmp_path / "lost") is None
    share = await storage.disk_share(tmp_path)
    assert share is not None and 0 < share <= 1


@pytest.mark.parametrize(
    ("memory", "share"),
    [
        ({"used_memory": 70, "maxmemory": 100, "total_system_memory": 1000}, 0.7),
        ({"used_memory": 70, "maxmemory": 0, "total_system_memory": 1000}, 0.07),
        ({"used_memory": 70, "maxmemory": 0}, None),
        ({}, None),
        (ConnectionError("gone"), None),
        (ResponseError("this user has no permissions to run the 'info' command"), None),
    ],
)
async def test_share_of_redis(memory: dict[str, int] | Exception, share: float | None) -> None:
    """A limit of its own, else the machine's; a managed Redis may tell neither."""
    assert await redis_client.used_share(FakeRedis(memory)) == share


async def test_what_is_not_known_keeps_the_last_value() -> None:
    """The metric shows the share, and stays when a measurement fails."""
    measured = iter([0.5, None])

    async def measure() -> float | None:
        return next(measured)

    gauge = metrics.storage_used.labels("test")
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(storage.report("test", measure), 0.05)
        assert gauge._value.get() == 0.5
