"""A scan for words in all that a stack has written, in any encoding."""

import base64
import json
import shutil
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from pyarrow import parquet
from redis.asyncio import Redis
from rocksdict import AccessType, Rdict

#: Kafka's index files: offsets and times only, preallocated to a MiB each.
INDEX_SUFFIXES = {".index", ".timeindex"}

Found = set[tuple[str, str]]


@lru_cache
def forms(word: str) -> frozenset[bytes]:
    """Return the encodings of a word: text, escaped, base64 at any offset, hexadecimal."""
    plain = word.encode()
    escaped = json.dumps(word)[1:-1].encode()
    encoded = {
        plain,
        escaped,
        escaped.replace(b"\\", b"\\\\"),
        word.encode("utf-16-le"),
        word.encode("utf-16-be"),
        quote(word).encode(),
        quote(word, safe="").encode(),
        plain.hex().encode(),
        repr(plain)[2:-1].encode(),
        *_in_base64(plain),
    }
    return frozenset(encoded)


def _in_base64(plain: bytes) -> Iterator[bytes]:
    """Yield, for each of the three offsets, the base64 characters that do not depend on the surrounding text."""
    for before in range(3):
        whole = (len(plain) + before) // 3 * 3
        encoded = base64.b64encode((b"\0" * before + plain)[:whole])
        yield encoded[0 if before == 0 else 4 :]


def in_bytes(where: str, raw: bytes, words: Iterable[str]) -> Found:
    """Return which of the words these bytes contain, with the place."""
    return {(where, word) for word in words if raw and any(form in raw for form in forms(word))}


def in_files(folder: Path, words: Iterable[str]) -> Found:
    """Return which files under a folder contain which words as raw bytes; files may disappear during the scan."""
    found: Found = set()
    for path in sorted(folder.rglob("*")):
        try:
            raw = b"" if path.suffix in INDEX_SUFFIXES or not path.is_file() else path.read_bytes()
        except OSError:
            continue
        found |= in_bytes(str(path.relative_to(folder)), raw, words)
    return found


def in_rocksdb(folder: Path, words: Iterable[str], scratch: Path) -> Found:
    """Return which databases under a folder contain which words in a key or value; their blocks are compressed."""
    found: Found = set()
    for number, current in enumerate(sorted(folder.rglob("CURRENT"))):
        copy = scratch / str(number)
        shutil.copytree(current.parent, copy, ignore=shutil.ignore_patterns("LOCK"))
        db = Rdict(str(copy), access_type=AccessType.read_only())
        for key, value in db.items():
            found |= in_bytes(
                str(current.parent.relative_to(folder)), _bytes(key) + b"\0" + _bytes(value), words
            )
        db.close()
    return found


def in_parquet(folder: Path, words: Iterable[str]) -> Found:
    """Return which Parquet files under a folder contain which words in a value; their columns are compressed."""
    words, found = tuple(words), set()
    for path in sorted(folder.rglob("*.parquet")):
        rows = parquet.ParquetFile(path).read().to_pylist()
        found |= in_bytes(str(path.relative_to(folder)), b"\0".join(_leaves(rows)), words)
    return found


async def in_redis(redis: Redis, words: Iterable[str]) -> Found:
    """Return which keys contain which words, for all types of values."""
    words, found = tuple(words), set()
    async for key in redis.scan_iter("*", count=1000):
        kind = await redis.type(key)
        match kind:
            case b"hash":
                value: object = await redis.hgetall(key)
            case b"zset":
                value = await redis.zrange(key, 0, -1)
            case b"set":
                value = await redis.smembers(key)
            case b"list":
                value = await redis.lrange(key, 0, -1)
            case b"stream":
                value = await redis.xrange(key)
            case _:
                value = await redis.get(key)
        found |= in_bytes(key.decode(errors="replace"), b"\0".join(_leaves(value)), words)
    return found


def _leaves(value: object) -> Iterator[bytes]:
    if isinstance(value, dict):
        for item in value.items():
            yield from _leaves(item)
    elif isinstance(value, list | tuple | set):
        for item in value:
            yield from _leaves(item)
    else:
        yield _bytes(value)


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
