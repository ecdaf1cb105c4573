"""The tables of topics and of keys in Redis in schemas/README.md, made from their registries."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from schemas.consumer_groups import CONSUMER_GROUPS
from schemas.redis_keys import REDIS_KEYS
from schemas.topics import DEAD_LETTER_TOPICS, HOUR_MS, TOPICS, Topic

FILE = Path(__file__).parents[1] / "README.md"
_START, _END = "<!-- {}: made by `python -m schemas` -->\n", "<!-- end of {} -->"


def render(readme: str) -> str:
    """Return the README with current tables. Raises ValueError if it lacks one of the four markers."""
    return _replace(_replace(readme, "topics", table()), "keys", key_table())


def _replace(readme: str, name: str, content: str) -> str:
    start, end = _START.format(name), _END.format(name)
    before, _, rest = readme.partition(start)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"{FILE.name} lacks {start.strip()} or {end}")
    return f"{before}{start}\n{content}\n{end}{after}"


def key_table() -> str:
    """Return a row for each kind of keys in Redis."""
    rows = [(f"`{key.pattern}`", key.writer, key.grows_with, key.kept) for key in REDIS_KEYS]
    heading = ("key", "written by", "grows with", "kept")
    return "".join(map(_line, [heading, ("---",) * len(heading), *rows]))


def table() -> str:
    """Return a row for each topic, and one for all dead-letter topics."""
    dead = list(DEAD_LETTER_TOPICS.values())
    summary = msgspec.structs.replace(
        dead[0],
        name="<topic>.dlq",
        contents=f"records that could not be processed, of {len(dead)} of these topics; those of `push.subscriptions` are kept as long as it",
        retention_ms=-1,
        writer=", ".join(sorted({topic.writer for topic in dead})),
    )
    rows = [_row(topic) for topic in (*(topic for topic in TOPICS if topic not in dead), summary)]
    heading = ("topic", "contents", "written by", "read by", "key", "kept")
    return "".join(map(_line, [heading, ("---",) * len(heading), *rows]))


def _row(topic: Topic) -> tuple[str, ...]:
    groups = [f"`{group.name}`" for group in CONSUMER_GROUPS if topic.name in group.topics]
    readers = ", ".join(filter(None, [*groups, topic.readers]))
    return f"`{topic.name}`", topic.contents, topic.writer, readers, topic.key, _retention(topic)


def _retention(topic: Topic) -> str:
    if topic.is_compacted:
        return "the newest of each key" + (", others for seconds" if topic.is_purged else "")
    if topic.kept:
        return topic.kept
    if topic.retention_ms < 0:
        return "indefinitely"
    days, hours = divmod(topic.retention_ms // HOUR_MS, 24)
    age = f"{days} d" if days else f"{hours} h"
    return f"the newest of each key for {age}, others for seconds" if topic.is_erasable else age


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"
