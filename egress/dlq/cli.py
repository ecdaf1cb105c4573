"""`python -m egress dlq`: the command line of the dead-letter queue."""

import argparse
from collections import Counter
from pathlib import Path

from aiokafka.errors import InvalidProducerEpoch, ProducerFenced
from msgspec.structs import replace

from egress.command_error import CommandError
from egress.dlq import kafka_store
from egress.dlq.kafka_store import DlqSession
from egress.dlq.redriving import Selection, redrive_selected
from egress.dlq.refunds import may_be_refund
from egress.dlq.store import DROPPED, REDRIVEN, DeadLetterEntry, DeadLetterStore, SourceOffset
from schemas import timestamps
from schemas.runtime.kafka_sessions import started
from schemas.settings import Settings
from schemas.topics import DEAD_LETTER_TOPICS

REDRIVE_HELP = """\
Write a dead letter back to the end of its source topic, with its original partition and key, and mark it as
redriven. A second run finds the mark and does nothing. Dead letters with the same key are redriven in the order
of their offsets; --force skips the earlier ones.

A range of offsets, a whole partition or a --reason selects many, for example after a bad release:
`redrive order.commands --reason defect`. A second run goes on where the first one was interrupted.

Record and mark are one transaction, except for order.commands: the stream would take the end of a transaction for
lost commands, so there the record is written first and the mark second. After a crash between the two,
a second run writes the record again. The stream decides a repeated order, cancellation or payment once. It applies
a repeated PUT twice: the result is the same, the version is one higher."""

DROP_HELP = """\
Mark a dead letter as resolved without redriving it. A refund is money that a customer is owed: drop it only when the
money was given in another way, with --yes and a --reason, which is kept with the dead letter."""

#: Characters of a reason that are kept.
MAX_REASON_CHARACTERS = 500


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the `dlq` command and its actions to the command line of egress."""
    dlq = commands.add_parser("dlq", help="list, show, redrive and drop dead letters")
    actions = dlq.add_subparsers(dest="action", required=True, metavar="action")
    listing = actions.add_parser("list", help="count the dead letters of each topic; with --topic, list them")
    listing.add_argument("--topic", type=_topic, help="list the waiting dead letters of this topic")
    for name, text, description in (
        ("show", "print one dead letter: state, reason, error, key, headers, value", None),
        ("redrive", "write a dead letter back to its source topic", REDRIVE_HELP),
        ("drop", "mark a dead letter as resolved without redriving it", DROP_HELP),
    ):
        action = actions.add_parser(
            name,
            help=text,
            description=description or text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        action.add_argument("topic", type=_topic, help="source topic, with or without .dlq")
        many = "?" if name == "redrive" else None
        action.add_argument(
            "partition",
            type=int,
            nargs=many,
            help=f"partition of the record in its source topic{'; without, all of them' if many else ''}",
        )
        if name == "redrive":
            action.add_argument(
                "offsets",
                type=_offsets,
                nargs="?",
                metavar="offset[-offset]",
                help="offset of the record in its source topic, or the first and last of a range; without, all of them",
            )
            action.add_argument(
                "--reason",
                metavar="WORD",
                help="redrive only the dead letters that `list` shows with this reason",
            )
        else:
            action.add_argument("offset", type=int, help="offset of the record in its source topic")
        if name == "drop":
            action.add_argument("--reason", type=_reason, help="why; kept with the dead letter")
            action.add_argument("--yes", action="store_true", help="drop it although it is a refund")
        if name == "redrive":
            action.add_argument(
                "--value",
                type=Path,
                metavar="FILE",
                help="write the bytes of FILE instead of the original value",
            )
            action.add_argument(
                "--force",
                action="store_true",
                help="redrive even if earlier dead letters of the same key wait",
            )


async def execute(settings: Settings, arguments: argparse.Namespace) -> str:
    """Run the command and return the text to print; raises CommandError, OSError, KafkaError."""
    if arguments.action == "list":
        topics = [arguments.topic] if arguments.topic else list(DEAD_LETTER_TOPICS)
        store = await kafka_store.load(settings.kafka, topics)
        return _render_entries(store, arguments.topic) if arguments.topic else _render_counts(store, topics)
    try:
        if arguments.action == "redrive":
            if _names_several(arguments):
                return await redrive_selected(settings.kafka, _selection(arguments))
            arguments.offset = arguments.offsets.start
        source = SourceOffset(arguments.topic, arguments.partition, arguments.offset)
        if arguments.action == "show":
            store = await kafka_store.load(settings.kafka, [source.topic])
            return _render_entry(store, _find(store, source))
        return await _resolve(settings, arguments, source)
    except (ProducerFenced, InvalidProducerEpoch):
        raise CommandError(
            "another dlq command changed the dead letters of this partition; list them and try again"
        ) from None


async def _resolve(settings: Settings, arguments: argparse.Namespace, source: SourceOffset) -> str:
    value = arguments.value.read_bytes() if arguments.action == "redrive" and arguments.value else None
    async with started(DlqSession(settings.kafka, source.topic, source.partition)) as session:
        store = await session.load()
        entry = _find(store, source)
        if source in store.resolved:
            return f"already {store.resolved[source]}"
        if arguments.action == "drop":
            if may_be_refund(entry) and not (arguments.yes and arguments.reason):
                raise CommandError(
                    'this is a refund, which a customer is owed: redrive it, or drop it with --yes --reason "..."'
                )
            await session.drop(entry, arguments.reason or "")
            return DROPPED
        if (earlier := store.earlier_with_same_key(entry)) and not arguments.force:
            offsets = ", ".join(str(other.source.offset) for other in earlier)
            raise CommandError(
                f"earlier dead letters of the same key wait at offsets {offsets}: redrive or drop them first, or use --force"
            )
        await session.redrive([entry if value is None else replace(entry, value=value)])
        return REDRIVEN


def _names_several(arguments: argparse.Namespace) -> bool:
    offsets: range | None = arguments.offsets
    return offsets is None or offsets.stop - offsets.start > 1 or arguments.reason is not None


def _selection(arguments: argparse.Namespace) -> Selection:
    if arguments.value is not None or arguments.force:
        raise CommandError("--value and --force need one partition and one offset, and no --reason")
    if arguments.partition is None and arguments.reason is None:
        raise CommandError("name a partition, or a --reason: a whole topic is never redriven by accident")
    return Selection(arguments.topic, arguments.partition, arguments.offsets, arguments.reason)


def _offsets(text: str) -> range:
    first, dash, last = text.partition("-")
    if not first.isdecimal() or (dash and not last.isdecimal()) or int(last or first) < int(first):
        raise argparse.ArgumentTypeError(
            "must be an offset, or two with a dash between them, the lower one first"
        )
    return range(int(first), int(last or first) + 1)


def _reason(text: str) -> str:
    if not (reason := text.strip()) or len(reason) > MAX_REASON_CHARACTERS:
        raise argparse.ArgumentTypeError(f"must have 1 to {MAX_REASON_CHARACTERS} characters")
    return reason


def _topic(text: str) -> str:
    topic = text.removesuffix(".dlq")
    if topic not in DEAD_LETTER_TOPICS:
        raise argparse.ArgumentTypeError(f"must be one of {', '.join(DEAD_LETTER_TOPICS)}")
    return topic


def _find(store: DeadLetterStore, source: SourceOffset) -> DeadLetterEntry:
    entry = store.entries.get(source)
    if entry is None:
        raise CommandError(
            f"no dead letter with source topic {source.topic}, partition {source.partition}, offset {source.offset}"
        )
    return entry


def _render_counts(store: DeadLetterStore, topics: list[str]) -> str:
    lines = []
    for topic in topics:
        entries = [entry for entry in store.entries.values() if entry.source.topic == topic]
        states = Counter(store.resolved.get(entry.source, "waiting") for entry in entries)
        newest = max((entry.recorded_at for entry in entries), default=None)
        counts = "  ".join(f"{state} {states[state]}" for state in ("waiting", REDRIVEN, DROPPED))
        lines.append(f"{topic}  {counts}  newest {timestamps.to_text(newest) if newest else '-'}")
    return "\n".join(lines)


def _render_entries(store: DeadLetterStore, topic: str) -> str:
    waiting = store.waiting()
    if not waiting:
        raise CommandError(f"no dead letters of {topic} wait")
    return "\n".join(
        f"{entry.source.partition} {entry.source.offset}  {timestamps.to_text(entry.recorded_at)}"
        f"  {_text(entry.key)}  {entry.reason}: {entry.error}"
        for entry in waiting
    )


def _render_entry(store: DeadLetterStore, entry: DeadLetterEntry) -> str:
    source = entry.source
    return "\n".join(
        [
            f"{source.topic} partition {source.partition} offset {source.offset}",
            f"state: {store.resolved.get(source, 'waiting')}",
            *([f"note: {note}"] if (note := store.notes.get(source)) else []),
            f"dead-lettered: {timestamps.to_text(entry.recorded_at)}, attempts {_text(entry.attempts)}",
            f"reason: {entry.reason}",
            f"error: {entry.error}",
            f"key: {_text(entry.key)}",
            *(f"header {name}: {_text(value)}" for name, value in entry.headers),
            f"value, {len(entry.value or b'')} bytes: {_text(entry.value)}",
        ]
    )


def _text(raw: bytes | None) -> str:
    """Return bytes in readable form: as text if printable, else escaped."""
    if raw is None:
        return "(none)"
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return repr(raw)
    return text if text.isprintable() else repr(raw)
