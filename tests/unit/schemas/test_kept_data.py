"""Every kind of data that requests can make says by whom, and until when it is kept."""

from pathlib import Path

import pytest

from schemas.redis_keys import REDIS_KEYS, RedisKey
from tables.registry import TABLES, TableSpec

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_table_says_how_long_it_keeps_a_row(table: TableSpec[object]) -> None:
    """In the registry and in the README alike."""
    row = f"| `{table.name}` | {table.grows_with} | {table.kept} |"
    assert table.grows_with and table.kept and row in (ROOT / "tables/README.md").read_text()


@pytest.mark.parametrize("key", REDIS_KEYS, ids=lambda key: key.pattern)
def test_redis_key_says_how_long_it_is_kept(key: RedisKey) -> None:
    """`python -m schemas` writes the README from it; what anonymous clients make expires."""
    assert key.grows_with and key.kept
    assert key.expires or "anonymous" not in key.grows_with
