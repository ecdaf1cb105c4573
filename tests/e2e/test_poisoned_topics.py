"""Poison on every topic that has dead letters: all of it is set aside, and orders go on."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas.topics import DEAD_LETTER_TOPICS, ORDER_COMMANDS
from tests.e2e.customers import Answer, Kitchen, order_body
from tests.e2e.stack import Stack
from tests.support import poison
from tests.support.egress.process import dlq
from tests.support.waiting import eventually

RESTAURANT = "poisoned"
PORTIONS = 50


def _ours(value: bytes | None) -> bytes | None:
    """Return the value for this restaurant, so that its key is right and only what its kind says is wrong."""
    return value and value.replace(b'"r1"', f'"{RESTAURANT}"'.encode())


KINDS = {kind: _ours(value) for kind, value in poison.KINDS.items()}


async def test_poison_becomes_dead_letters_and_orders_continue(
    kitchen: Kitchen, stack: Stack, tmp_path: Path
) -> None:
    """Forty kinds on each topic; then orders are confirmed, paid and shown. A repaired command makes one order."""
    await _open(kitchen)
    await _poison(stack.bootstrap)
    confirmed = await _order(kitchen, "after")
    assert confirmed.status == 201
    order = json.loads(confirmed.body)

    async def shown() -> bool:
        return bool((await kitchen.get_order(order))["status"] == "received")

    await eventually(shown)
    expected = Counter(KINDS.values())

    async def set_aside() -> bool:
        letters = await _letters(stack.bootstrap)
        return all(Counter(r.value for r in letters[topic]) >= expected for topic in DEAD_LETTER_TOPICS)

    await eventually(set_aside, seconds=30)
    await _redrive_twice(kitchen, stack, tmp_path)


async def _redrive_twice(kitchen: Kitchen, stack: Stack, folder: Path) -> None:
    """Redrive a repaired command: it makes its order. Redriven once more, it makes none."""
    (broken,) = [
        r
        for r in (await _letters(stack.bootstrap))[ORDER_COMMANDS.name]
        if r.value == KINDS["a quantity of zero"]
    ]
    headers = {name: value.decode(errors="replace") for name, value in broken.headers}
    repaired = folder / "repaired.json"
    repaired.write_bytes(json.dumps(poison.GOOD | {"restaurant_id": RESTAURANT}).encode())
    place = ORDER_COMMANDS.name, headers["dlq-partition"], headers["dlq-offset"]
    await eventually(lambda: _is_left(kitchen, PORTIONS - 1))
    for outcome in ("redriven", "already redriven"):
        done = dlq(stack.bootstrap, "redrive", *place, "--value", str(repaired), "--force")
        assert (done.returncode, done.stdout.strip()) == (0, outcome), done.stderr
    await eventually(lambda: _is_left(kitchen, PORTIONS - 2))
    assert (await _order(kitchen, "behind")).status == 201
    await eventually(lambda: _is_left(kitchen, PORTIONS - 3))


async def _open(kitchen: Kitchen) -> None:
    assert (await kitchen.put(f"/v1/restaurants/{RESTAURANT}", {"name": "Cantina"})).status == 201
    item = {
        "name": "Coxinha",
        "category": "geral",
        "price": {"amount": 1000, "currency": "BRL"},
        "portions": PORTIONS,
    }
    assert (await kitchen.put(f"/v1/restaurants/{RESTAURANT}/menu/coxinha", item)).status == 201


async def _order(kitchen: Kitchen, key: str) -> Answer:
    body = order_body(RESTAURANT, ("coxinha", 1))
    return await kitchen.call("POST", "/v1/orders", json=body, headers={"Idempotency-Key": key})


async def _is_left(kitchen: Kitchen, count: int) -> bool:
    menu = json.loads((await kitchen.call("GET", f"/v1/restaurants/{RESTAURANT}/menu")).body)
    return bool(menu["items"][0]["availability"]["count"] == count)


async def _poison(bootstrap: str) -> None:
    """Write every kind to every topic; facts in a transaction, as all facts are."""
    commands = AIOKafkaProducer(bootstrap_servers=bootstrap)
    facts = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id="poison")
    async with commands, facts:
        for value in KINDS.values():
            await commands.send_and_wait(ORDER_COMMANDS.name, value, key=RESTAURANT.encode())
        async with facts.transaction():
            for topic in DEAD_LETTER_TOPICS.keys() - {ORDER_COMMANDS.name}:
                for value in KINDS.values():
                    await facts.send(topic, value, key=RESTAURANT.encode())


async def _letters(bootstrap: str) -> dict[str, list[Any]]:
    """Return the restaurant's dead letters by source topic, each source offset once."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
    async with consumer:
        tps = [TopicPartition(t.name, number) for t in DEAD_LETTER_TOPICS.values() for number in range(8)]
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        ends = await consumer.end_offsets(tps)
        found: dict[str, dict[tuple[bytes, bytes], Any]] = {topic: {} for topic in DEAD_LETTER_TOPICS}
        while any([await consumer.position(tp) < ends[tp] for tp in tps]):
            for records in (await consumer.getmany(timeout_ms=300)).values():
                for record in records:
                    headers = dict(record.headers)
                    if record.key == RESTAURANT.encode() and "dlq-topic" in headers:
                        place = headers["dlq-partition"], headers["dlq-offset"]
                        found[headers["dlq-topic"].decode()].setdefault(place, record)
        return {topic: list(letters.values()) for topic, letters in found.items()}
