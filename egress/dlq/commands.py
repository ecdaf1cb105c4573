"""`python -m egress dlq`: what an operator does about dead letters."""

import argparse
import asyncio
import sys
from collections import Counter
from pathlib import Path

from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced

from egress.dlq import kafka_shelf
from egress.dlq.kafka_shelf import Bench
from egress.dlq.shelf import DROPPED, REDRIVEN, Entry, Place, Shelf
from schemas import instants
from schemas.settings import Settings
from schemas.topics import DEAD_LETTER_TOPICS

REDRIVE_HELP = """\
Write the record to its topic again, in its partition and under its key, behind everything that stands there now,
and mark the dead letter as done. A second run sees the mark and does nothing. Letters of the same key go in the
order of their offsets; --force passes over the earlier ones.

Into order.commands the record is written first and the mark after it, since a transaction there would look like
lost commands to the stream: after a crash between the two, a second run writes the record again. The stream
decides an order, a cancellation and a payment once; a PUT that is written twice is applied twice, with the same
result and one version more."""


class Refusal(Exception):
    """What was asked cannot be done; the message is for the person who asked."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `dlq` to the command line."""
    dlq = commands.add_parser("dlq", help="look at dead letters, put them back, drop them")
    actions = dlq.add_subparsers(dest="action", required=True, metavar="action")
    listing = actions.add_parser("list", help="how many wait in each topic; with --topic, which")
    listing.add_argument("--topic", type=_topic)
    for name, text, description in (
        ("show", "everything about one: reason, error, headers, bytes", None),
        ("redrive", "write one to its topic again, once", REDRIVE_HELP),
        ("drop", "mark one as done, and do nothing else", None),
    ):
        action = actions.add_parser(
            name,
            help=text,
            description=description or text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        action.add_argument("topic", type=_topic, help="the topic, with .dlq or without")
        action.add_argument("partition", type=int, help="where the record was: its dlq-partition")
        action.add_argument("offset", type=int, help="where the record was: its dlq-offset")
        if name == "redrive":
            action.add_argument(
                "--value", type=Path, metavar="FILE", help="write these bytes in place of its value"
            )
            action.add_argument("--force", action="store_true", help="though earlier ones of its key wait")


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Do what was asked; 0 when it is done, also when it had been done before."""
    try:
        print(asyncio.run(carry_out(settings, arguments)))
    except (ProducerFenced, InvalidProducerEpoch):
        print("somebody else works on this partition's dead letters; look again", file=sys.stderr)
        return 1
    except (Refusal, OSError, KafkaError) as error:
        print(str(error) or repr(error), file=sys.stderr)
        return 1
    return 0


async def carry_out(settings: Settings, arguments: argparse.Namespace) -> str:
    """Do what was asked, and return what there is to say; raises Refusal, OSError, KafkaError."""
    servers = settings.bootstrap_servers
    if arguments.action == "list":
        topics = [arguments.topic] if arguments.topic else list(DEAD_LETTER_TOPICS)
        shelf = await kafka_shelf.read(servers, topics)
        return _entries(shelf) if arguments.topic else _counts(shelf, topics)
    place = Place(arguments.topic, arguments.partition, arguments.offset)
    if arguments.action == "show":
        shelf = await kafka_shelf.read(servers, [place.topic])
        return _shown(shelf, _find(shelf, place))
    value = arguments.value.read_bytes() if arguments.action == "redrive" and arguments.value else None
    async with Bench(servers, place.topic, place.partition) as bench:
        shelf = await bench.shelf()
        entry = _find(shelf, place)
        if place in shelf.done:
            return f"already {shelf.done[place]}"
        if arguments.action == "drop":
            await bench.drop(entry)
            return DROPPED
        if (earlier := shelf.earlier(entry)) and not arguments.force:
            listed = ", ".join(str(other.place.offset) for other in earlier)
            raise Refusal(f"earlier ones of its key wait, at {listed}: they go first, or use --force")
        await bench.put_back(entry, entry.value if value is None else value)
        return REDRIVEN


def _topic(given: str) -> str:
    topic = given.removesuffix(".dlq")
    if topic not in DEAD_LETTER_TOPICS:
        raise argparse.ArgumentTypeError(f"one of {', '.join(DEAD_LETTER_TOPICS)}")
    return topic


def _find(shelf: Shelf, place: Place) -> Entry:
    entry = shelf.entries.get(place)
    if entry is None:
        raise Refusal(
            f"no dead letter of {place.topic} was at partition {place.partition} offset {place.offset}"
        )
    return entry


def _counts(shelf: Shelf, topics: list[str]) -> str:
    lines = []
    for topic in topics:
        entries = [entry for entry in shelf.entries.values() if entry.place.topic == topic]
        done = Counter(shelf.done.get(entry.place, "waiting") for entry in entries)
        newest = max((entry.set_aside_at for entry in entries), default=None)
        counts = "  ".join(f"{name} {done[name]}" for name in ("waiting", REDRIVEN, DROPPED))
        lines.append(f"{topic}  {counts}  newest {instants.to_text(newest) if newest else '-'}")
    return "\n".join(lines)


def _entries(shelf: Shelf) -> str:
    return "\n".join(
        f"{e.place.partition} {e.place.offset}  {instants.to_text(e.set_aside_at)}  {_text(e.key)}  {e.reason}: {e.error}"
        for e in shelf.waiting()
    )


def _shown(shelf: Shelf, entry: Entry) -> str:
    place = entry.place
    return "\n".join(
        [
            f"{place.topic} partition {place.partition} offset {place.offset}",
            f"state: {shelf.done.get(place, 'waiting')}",
            f"set aside: {instants.to_text(entry.set_aside_at)}, attempts {_text(entry.attempts)}",
            f"reason: {entry.reason}",
            f"error: {entry.error}",
            f"key: {_text(entry.key)}",
            *(f"header {name}: {_text(value)}" for name, value in entry.headers),
            f"value, {len(entry.value or b'')} bytes: {_text(entry.value)}",
        ]
    )


def _text(raw: bytes | None) -> str:
    """Return bytes as a person can read them: text where it is text, escaped where it is not."""
    if raw is None:
        return "(none)"
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return repr(raw)
    return text if text.isprintable() else repr(raw)
