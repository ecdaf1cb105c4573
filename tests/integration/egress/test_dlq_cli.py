"""`python -m egress dlq`, on a real broker: dead letters listed, redriven once, dropped."""

import asyncio
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from egress.dlq.kafka_store import DlqSession
from egress.dlq.store import DeadLetterEntry
from schemas import codec, dead_letters
from schemas.commands import PutRestaurant
from schemas.kafka_connection import KafkaConnection
from schemas.runtime.kafka_sessions import started
from schemas.topics import DEAD_LETTER_TOPICS
from tests.support import facts
from tests.support.egress.dlq_harness import (
    COMMANDS,
    CREATED,
    dead_letter,
    put,
    records_of_key,
    run,
    unused_offset,
)
from tests.support.egress.process import dlq
from tests.support.payments.fakes import request

REQUESTS = "payment.requests"


@pytest.mark.parametrize("topic", DEAD_LETTER_TOPICS)
async def test_redrive_is_done_once(connection: KafkaConnection, topic: str) -> None:
    """A second run does nothing. The record goes to its topic, in its partition, with its key and headers."""
    key, offset = uuid4().hex.encode(), unused_offset()
    (place,) = await put(connection, dead_letter(topic, b"{}", key, offset, ("event-type", b"t")))
    assert await run(connection, "redrive", *place) == (0, "redriven")
    assert await run(connection, "redrive", topic + ".dlq", 3, offset) == (0, "already redriven")
    assert await run(connection, "drop", *place) == (0, "already redriven")
    (record,) = await records_of_key(connection, topic, key)
    assert (record.partition, record.value) == (3, b"{}")
    assert list(record.headers) == [
        ("event-type", b"t"),
        ("dlq-redriven", b"3/%d" % offset),
        ("dlq-attempts", b"1"),
    ]


async def test_commands_are_redriven_without_markers(connection: KafkaConnection) -> None:
    """The end of a transaction takes an offset, which the stream would count as a lost command."""
    first, second = unused_offset(), unused_offset()
    keys = [uuid4().hex.encode() for _ in range(2)]
    for key, offset in zip(keys, (first, second), strict=True):
        (place,) = await put(connection, dead_letter(COMMANDS, b"{}", key, offset))
        assert await run(connection, "redrive", *place) == (0, "redriven")
    one, two = [(await records_of_key(connection, COMMANDS, key))[0].offset for key in keys]
    assert two == one + 1


async def test_redrive_of_a_repaired_value(connection: KafkaConnection, tmp_path: Path) -> None:
    """The operator repairs the bytes. Key and partition stay, or the order per restaurant would be lost."""
    key, repaired = uuid4().hex.encode(), tmp_path / "repaired.json"
    repaired.write_bytes(b'{"good": true}')
    (place,) = await put(connection, dead_letter(COMMANDS, b"{", key, unused_offset()))
    assert (await run(connection, "redrive", *place, "--value", repaired))[0] == 0
    assert [r.value for r in await records_of_key(connection, COMMANDS, key)] == [b'{"good": true}']
    assert (await run(connection, "redrive", *place, "--value", tmp_path / "none"))[0] == 1


async def test_redrive_keeps_the_order_of_a_key(connection: KafkaConnection) -> None:
    """Earlier letters of the same key go first, but for --force. Other keys do not wait."""
    key, start = uuid4().hex.encode(), unused_offset()
    places = await put(connection, *(dead_letter(CREATED, b"%d" % n, key, start + n) for n in range(3)))
    (other,) = await put(connection, dead_letter(CREATED, b"o", uuid4().hex.encode(), start + 9))
    code, said = await run(connection, "redrive", *places[1])
    assert code == 1 and f"offsets {start}:" in said
    assert (await run(connection, "redrive", *other))[0] == 0
    assert (await run(connection, "redrive", *places[0]))[0] == 0
    assert (await run(connection, "redrive", *places[2], "--force"))[0] == 0
    assert (await run(connection, "drop", *places[1])) == (0, "dropped")
    assert [r.value for r in await records_of_key(connection, CREATED, key)] == [b"0", b"2"]


async def test_a_range_and_a_reason_are_redriven_at_once(connection: KafkaConnection) -> None:
    """After a bad release there may be ten thousand offsets to name. A second run finds nothing more to do."""
    start, keys = unused_offset(), [uuid4().hex.encode() for _ in range(3)]
    values = [b'{"number": %d}' % n for n in range(250)]
    letters = [dead_letter(COMMANDS, value, keys[n % 3], start + n) for n, value in enumerate(values)]
    await put(connection, *letters[:-1], letters[-1]._replace(reason="too-large"))
    assert await run(connection, "redrive", COMMANDS, 3, f"{start}-{start + 119}") == (0, "redriven 120")
    assert await run(
        connection, "redrive", COMMANDS, 3, f"{start}-{start + 400}", "--reason", "unreadable"
    ) == (
        0,
        "redriven 129",
    )
    written = [record.value for key in keys for record in await records_of_key(connection, COMMANDS, key)]
    assert sorted(written) == sorted(values[:249])
    again = await run(connection, "redrive", COMMANDS, 3, f"{start}-{start + 248}")
    assert again == (1, "no dead letter waits that matches")


async def test_a_range_leaves_what_waits_behind_an_earlier_one(connection: KafkaConnection) -> None:
    """The order of a key holds, whatever is selected."""
    start, key = unused_offset(), uuid4().hex.encode()
    await put(connection, *(dead_letter(CREATED, b"%d" % n, key, start + n) for n in range(4)))
    code, said = await run(connection, "redrive", CREATED, 3, f"{start + 1}-{start + 9}")
    assert (code, said) == (0, "redriven 0; left 3 behind earlier ones of their key that were not selected")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((CREATED,), "by accident"),
        ((CREATED, 3, "5-9", "--value", "x"), "need one partition"),
    ],
)
async def test_a_selection_that_is_too_wide_is_refused(connection: KafkaConnection, arguments, said) -> None:
    """A whole topic is never redriven for want of an argument."""
    code, text = await run(connection, "redrive", *arguments)
    assert code == 1 and said in text


async def test_concurrent_redrives(connection: KafkaConnection) -> None:
    """Of two operators who redrive a letter at once, one is fenced."""
    key = uuid4().hex.encode()
    (place,) = await put(connection, dead_letter(CREATED, b"{}", key, unused_offset()))
    async with started(DlqSession(connection, CREATED, 3)) as slow:
        entry: DeadLetterEntry = (await slow.load()).entries[place]
        assert await run(connection, "redrive", *place) == (0, "redriven")
        with pytest.raises(Exception, match=r"(?i)fenced|epoch|newer producer"):
            await slow.redrive([entry])
    assert len(await records_of_key(connection, CREATED, key)) == 1


async def test_copies_are_one_letter(connection: KafkaConnection) -> None:
    """Egress writes a letter before it commits, so a crash in between writes it again."""
    letter = dead_letter(CREATED, b"{", uuid4().hex.encode(), unused_offset())
    (place, _) = await put(connection, letter, letter)
    assert (await run(connection, "drop", *place)) == (0, "dropped")
    _, said = await run(connection, "list", "--topic", CREATED)
    assert f"3 {place.offset} " not in said


async def test_empty_list_is_an_error(connection: KafkaConnection) -> None:
    """A script that asks for the waiting dead letters of a topic learns from the exit status that there are none."""
    assert await run(connection, "list", "--topic", "payment.refunded") == (
        1,
        "no dead letters of payment.refunded wait",
    )


async def test_list_and_show(connection: KafkaConnection) -> None:
    """list: counts and the newest of each topic; with --topic, each letter. show: reason, headers, bytes."""
    key = uuid4().hex
    (place,) = await put(
        connection, dead_letter(CREATED, b"\xff{", key.encode(), unused_offset(), ("event-id", b"7"))
    )
    _, said = await run(connection, "list")
    lines = {line.split()[0]: line for line in said.splitlines()}
    assert set(lines) == set(DEAD_LETTER_TOPICS) and "newest 20" in lines[CREATED]
    _, said = await run(connection, "list", "--topic", CREATED + ".dlq")
    assert f"3 {place.offset}  20" in said and f"{key}  unreadable: UnreadableError: a planned" in said
    _, said = await run(connection, "show", *place)
    for part in (
        "state: waiting",
        "attempts 1",
        "reason: unreadable",
        "error: UnreadableError: a planned error",
        f"key: {key}",
        "header event-id: 7",
        r"value, 2 bytes: b'\xff{'",
    ):
        assert part in said
    await run(connection, "drop", *place)
    assert "state: dropped" in (await run(connection, "show", *place))[1]
    code, said = await run(connection, "show", CREATED, 3, 1)
    assert code == 1 and "no dead letter" in said


async def test_drop_of_a_refund_needs_a_reason(connection: KafkaConnection) -> None:
    """A customer is owed the money: --yes alone, or a reason alone, drops nothing; the reason is kept. Others need none."""
    for kind, value in (
        ("refund", codec.encode(request("o", "refund"))),
        ("unreadable", b"{"),  # it may be a refund
    ):
        (place,) = await put(connection, dead_letter(REQUESTS, value, b"r1", unused_offset()))
        for confirmation in ((), ("--yes",), ("--reason", "given by hand")):
            code, said = await run(connection, "drop", *place, *confirmation)
            assert code == 1 and "--yes --reason" in said, kind
        assert "state: waiting" in (await run(connection, "show", *place))[1]
        assert await run(connection, "drop", *place, "--yes", "--reason", "given by hand") == (0, "dropped")
        assert "state: dropped\nnote: given by hand\n" in (await run(connection, "show", *place))[1]
    authorisation = codec.encode(request("o"))
    (place,) = await put(connection, dead_letter(REQUESTS, authorisation, b"r1", unused_offset()))
    assert await run(connection, "drop", *place) == (0, "dropped")


async def test_command_line(connection: KafkaConnection, tmp_path: Path) -> None:
    """Success is printed, with exit code 0; a failure is printed to standard error."""
    (place,) = await put(connection, dead_letter(COMMANDS, b"{}", uuid4().hex.encode(), unused_offset()))

    async def shell(*arguments: object) -> tuple[int, str, str]:
        done = await asyncio.to_thread(dlq, connection.bootstrap_servers, *map(str, arguments))
        return done.returncode, done.stdout, done.stderr

    assert await shell("redrive", *place) == (0, "redriven\n", "")
    assert await shell("redrive", *place) == (0, "already redriven\n", "")
    code, said, error = await shell("show", COMMANDS, 3, 1)
    assert (code, said) == (1, "") and error.startswith("no dead letter with source topic order.commands")
    code, _, error = await shell("show", "order.nothing", 3, 1)
    assert code == 2 and "one of order.commands" in error
    code, said, _ = await shell("redrive", "--help")
    assert code == 0 and "a second run writes the record again" in said


async def test_redriven_command_can_be_decoded(connection: KafkaConnection, tmp_path: Path) -> None:
    """A redriven command is like any other, with headers that say where it was."""
    command = PutRestaurant(f"r-{uuid4().hex[:8]}", "Bar", 10, 1800)
    file = tmp_path / "value"
    file.write_bytes(codec.encode(command))
    (place,) = await put(
        connection, dead_letter(COMMANDS, b"{", command.restaurant_id.encode(), unused_offset())
    )
    await run(connection, "redrive", *place, "--value", file)
    (record,) = await facts.read(connection.bootstrap_servers, [COMMANDS], command.restaurant_id)
    assert codec.decode_command(msgspec.json.encode(record.value)) == command
    assert record.headers[dead_letters.REDRIVEN] == b"3/%d" % place.offset
