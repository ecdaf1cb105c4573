"""`python -m egress dlq`, on a real broker: letters looked at, put back once, dropped."""

import asyncio
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from egress.dlq.kafka_shelf import Bench
from egress.dlq.shelf import Entry
from schemas import codec, dead_letters
from schemas.commands import PutRestaurant
from schemas.topics import DEAD_LETTER_TOPICS
from tests import facts
from tests.egress.letters import COMMANDS, CREATED, a_letter, fresh_offset, run, shelved, written
from tests.egress.process import dlq


@pytest.mark.parametrize("topic", DEAD_LETTER_TOPICS)
async def test_a_letter_goes_back_once_though_it_is_redriven_twice(broker: str, topic: str) -> None:
    """Issue 5: redrive of a repaired one works, twice in a row too; same topic, partition, key and headers."""
    key, offset = uuid4().hex.encode(), fresh_offset()
    (place,) = await shelved(broker, a_letter(topic, b"{}", key, offset, ("event-type", b"t")))
    assert await run(broker, "redrive", *place) == (0, "redriven")
    assert await run(broker, "redrive", topic + ".dlq", 3, offset) == (0, "already redriven")
    assert await run(broker, "drop", *place) == (0, "already redriven")
    (record,) = await written(broker, topic, key)
    assert (record.partition, record.value) == (3, b"{}")
    assert list(record.headers) == [
        ("event-type", b"t"),
        ("dlq-redriven", b"3/%d" % offset),
        ("dlq-attempts", b"1"),
    ]


async def test_commands_are_put_back_without_a_gap_in_their_offsets(broker: str) -> None:
    """The end of a transaction takes an offset; the stream would take it for a lost command."""
    first, second = fresh_offset(), fresh_offset()
    keys = [uuid4().hex.encode() for _ in range(2)]
    for key, offset in zip(keys, (first, second), strict=True):
        (place,) = await shelved(broker, a_letter(COMMANDS, b"{}", key, offset))
        assert await run(broker, "redrive", *place) == (0, "redriven")
    one, two = [(await written(broker, COMMANDS, key))[0].offset for key in keys]
    assert two == one + 1


async def test_a_repaired_value_takes_the_place_of_the_broken_one(broker: str, tmp_path: Path) -> None:
    """The operator mends the bytes; key and partition stay, or the order per restaurant would be lost."""
    key, repaired = uuid4().hex.encode(), tmp_path / "repaired.json"
    repaired.write_bytes(b'{"good": true}')
    (place,) = await shelved(broker, a_letter(COMMANDS, b"{", key, fresh_offset()))
    assert (await run(broker, "redrive", *place, "--value", repaired))[0] == 0
    assert [r.value for r in await written(broker, COMMANDS, key)] == [b'{"good": true}']
    assert (await run(broker, "redrive", *place, "--value", tmp_path / "none"))[0] == 1


async def test_letters_of_a_key_go_back_in_their_order(broker: str) -> None:
    """Order per restaurant; another restaurant's letters do not wait for it."""
    key, start = uuid4().hex.encode(), fresh_offset()
    places = await shelved(broker, *(a_letter(CREATED, b"%d" % n, key, start + n) for n in range(3)))
    (other,) = await shelved(broker, a_letter(CREATED, b"o", uuid4().hex.encode(), start + 9))
    code, said = await run(broker, "redrive", *places[1])
    assert code == 1 and f"at {start}:" in said
    assert (await run(broker, "redrive", *other))[0] == 0
    assert (await run(broker, "redrive", *places[0]))[0] == 0
    assert (await run(broker, "redrive", *places[2], "--force"))[0] == 0
    assert (await run(broker, "drop", *places[1])) == (0, "dropped")
    assert [r.value for r in await written(broker, CREATED, key)] == [b"0", b"2"]


async def test_of_two_who_redrive_at_once_one_does(broker: str) -> None:
    """Exactly once, also when two operators are in a hurry."""
    key = uuid4().hex.encode()
    (place,) = await shelved(broker, a_letter(CREATED, b"{}", key, fresh_offset()))
    async with Bench(broker, CREATED, 3) as slow:
        entry: Entry = (await slow.shelf()).entries[place]
        assert await run(broker, "redrive", *place) == (0, "redriven")
        with pytest.raises(Exception, match=r"(?i)fenced|epoch|newer producer"):
            await slow.put_back(entry, entry.value)
    assert len(await written(broker, CREATED, key)) == 1


async def test_copies_of_a_letter_are_one(broker: str) -> None:
    """Egress writes a letter before its position moves, so a crash in between writes it again."""
    letter = a_letter(CREATED, b"{", uuid4().hex.encode(), fresh_offset())
    (place, _) = await shelved(broker, letter, letter)
    assert (await run(broker, "drop", *place)) == (0, "dropped")
    _, said = await run(broker, "list", "--topic", CREATED)
    assert f"3 {place.offset} " not in said


async def test_everything_about_a_letter_is_shown(broker: str) -> None:
    """list: counts and the newest of each topic; which ones with --topic; show: reason, headers, bytes."""
    key = uuid4().hex
    (place,) = await shelved(
        broker, a_letter(CREATED, b"\xff{", key.encode(), fresh_offset(), ("event-id", b"7"))
    )
    _, said = await run(broker, "list")
    lines = {line.split()[0]: line for line in said.splitlines()}
    assert set(lines) == set(DEAD_LETTER_TOPICS) and "newest 20" in lines[CREATED]
    _, said = await run(broker, "list", "--topic", CREATED + ".dlq")
    assert f"3 {place.offset}  20" in said and f"{key}  unreadable: UnreadableError: told" in said
    _, said = await run(broker, "show", *place)
    for part in (
        "state: waiting",
        "attempts 1",
        "reason: unreadable",
        "error: UnreadableError: told to be unreadable",
        f"key: {key}",
        "header event-id: 7",
        r"value, 2 bytes: b'\xff{'",
    ):
        assert part in said
    await run(broker, "drop", *place)
    assert "state: dropped" in (await run(broker, "show", *place))[1]
    code, said = await run(broker, "show", CREATED, 3, 1)
    assert code == 1 and "no dead letter" in said


async def test_the_command_line(broker: str, tmp_path: Path) -> None:
    """`python -m egress dlq`: what is done is said and is 0; what cannot be done is told on standard error."""
    (place,) = await shelved(broker, a_letter(COMMANDS, b"{}", uuid4().hex.encode(), fresh_offset()))

    async def shell(*arguments: object) -> tuple[int, str, str]:
        done = await asyncio.to_thread(dlq, broker, *map(str, arguments))
        return done.returncode, done.stdout, done.stderr

    assert await shell("redrive", *place) == (0, "redriven\n", "")
    assert await shell("redrive", *place) == (0, "already redriven\n", "")
    code, said, error = await shell("show", COMMANDS, 3, 1)
    assert (code, said) == (1, "") and error.startswith("no dead letter of order.commands was at")
    code, _, error = await shell("show", "order.nothing", 3, 1)
    assert code == 2 and "one of order.commands" in error
    code, said, _ = await shell("redrive", "--help")
    assert code == 0 and "a second run writes the record again" in said


async def test_a_repaired_command_is_what_the_stream_reads(broker: str, tmp_path: Path) -> None:
    """Whatever was put back is a command like any other, with the headers that say where it was."""
    command = PutRestaurant(f"r-{uuid4().hex[:8]}", "Bar", 10, 1800)
    file = tmp_path / "value"
    file.write_bytes(codec.encode(command))
    (place,) = await shelved(broker, a_letter(COMMANDS, b"{", command.restaurant_id.encode(), fresh_offset()))
    await run(broker, "redrive", *place, "--value", file)
    (record,) = await facts.read(broker, [COMMANDS], command.restaurant_id)
    assert codec.decode_command(msgspec.json.encode(record.value)) == command
    assert record.headers[dead_letters.REDRIVEN] == b"3/%d" % place.offset
