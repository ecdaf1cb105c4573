"""Personal data in a whole stack: never written in the clear, and unreadable after its erasure."""

import asyncio
import base64
import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from redis.asyncio import Redis

from ingress.privacy import forest
from ingress.privacy.forest import Space
from ingress.privacy.keyring import ErasedError, Keyring
from ingress.privacy.sealing import open_sealed
from ingress.privacy.wrapping import Wrapping
from schemas.topics import ORDER_COMMANDS, ORDER_CREATED, PRIVACY_KEYRING, PUSH_SUBSCRIPTIONS, Topic
from tests.e2e.customers import Answer, Kitchen, order_body
from tests.e2e.stack import Stack
from tests.e2e.test_notifications import subscribe
from tests.support.notifications.endpoints import serve_endpoint
from tests.support.notifications.messages import Browser
from tests.support.privacy import scan
from tests.support.waiting import eventually

#: Values that occur nowhere else; one of them needs escaping.
STREET, NAME = (f"{word} {uuid.uuid4().hex}" for word in ("Rua da Conceição", "Ana Beatriz"))
PHONE = f"+55819{uuid.uuid4().int % 10**8:08}"
WORDS = (STREET, STREET.split()[-1], NAME.split()[-1], PHONE)


async def place_order(
    kitchen: Kitchen,
    restaurant: str,
    key: str,
    quantity: int = 1,
    method: str = "pix",
    customer: str | None = None,
) -> Answer:
    body = order_body(restaurant, ("coxinha", quantity), method=method)
    body["delivery_address"] = body["delivery_address"] | {"street": STREET}
    body["customer"] = {"name": NAME, "phone": PHONE}
    headers = {"Idempotency-Key": key, **await kitchen.as_customer(customer or key)}
    return await kitchen.call("POST", "/v1/orders", json=body, headers=headers)


async def get_shown_order(kitchen: Kitchen, order: dict[str, Any]) -> dict[str, Any]:
    """Return the order once its view has the status of the answer; its creation may be shown before."""
    for _ in range(200):
        shown = await kitchen.get_order(order)
        if "delivery_address" in shown and shown["status"] == order["status"]:
            return shown
        await asyncio.sleep(0.05)
    raise AssertionError("never shown")


async def records(stack: Stack, topic: str) -> list[Any]:
    """Return all records that the broker still has of a topic, those of aborted transactions included."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=stack.bootstrap, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        found: list[Any] = []
        while any([await consumer.position(tp) < end for tp, end in ends.items()]):
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                found += batch
        return found
    finally:
        await consumer.stop()


async def run(stack: Stack, *command: str) -> str:
    """Run one of our commands to its end; return what it printed."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", *command],
        env=stack.environment | {"PROMO_KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
async def test_personal_data_is_sealed_and_unreadable_after_erasure(
    kitchen: Kitchen, stack: Stack, tmp_path: Path
) -> None:
    """Searches topics, dead letters, changelogs, Redis, RocksDB, exports and logs. A thief has the secret and all keys that are left."""
    restaurant = await kitchen.open(coxinha=5)
    placed = await place_order(kitchen, restaurant, "k1")
    refused = await place_order(kitchen, restaurant, "k2", quantity=99)
    kept = await place_order(kitchen, restaurant, "k3", method="cash")
    assert (placed.status, refused.status, kept.status) == (201, 409, 201)
    order, other = json.loads(placed.body), json.loads(kept.body)
    async with serve_endpoint() as service:
        browser = Browser(f"{service.url}/{uuid.uuid4().hex}")
        await subscribe(kitchen, order, browser)
        assert (await kitchen.advance(order, "preparing")).status == 200
        await eventually(lambda: len(service.messages) == 1, seconds=15)
    secrets = (browser.endpoint.rpartition("/")[2], browser.keys["auth"])
    order["status"] = "preparing"
    before = await get_shown_order(kitchen, order)
    assert before["delivery_address"]["street"] == STREET
    assert before["customer"] | {"id": ""} == {"id": "", "name": NAME, "phone": PHONE}

    found = await written(stack, tmp_path / "first", (*WORDS, *secrets, order["order_id"]))
    places = {where.partition("/")[0] for where, word in found if word == order["order_id"]}
    assert {"kafka", "redis", "rocksdb", "export"} <= places, "the scan must see where orders are"
    assert not [where for where, word in found if word in WORDS]
    assert {Path(where).parent.name.rpartition("-")[0] for where, word in found if word in secrets} == {
        PUSH_SUBSCRIPTIONS.name
    }
    exported = json.loads(await run(stack, "ingress", "customer", "export", before["customer"]["id"]))
    (shown,) = exported["orders"]
    assert shown["personal"]["delivery_address"]["street"] == STREET and shown["total"] == before["total"]
    assert shown["personal"]["phone"] == PHONE and exported["requests"][0]["order_id"] == order["order_id"]
    assert [change["status"] for change in exported["changes"]] == ["received", "preparing"]
    assert [one["endpoint"] for one in exported["push_subscriptions"]] == [browser.endpoint]

    tree = forest.leaf(Space.ORDER, order["order_id"]).root
    secret = (stack.data_dir / "privacy-secret").read_text()
    wrapped = [r.value for r in await records(stack, PRIVACY_KEYRING.name) if r.key == tree][-1]
    assert await asyncio.to_thread(is_in_segments, stack, PRIVACY_KEYRING, wrapped)
    sealed = [
        command["personal"]
        for topic in (ORDER_COMMANDS, ORDER_CREATED)
        for record in await records(stack, topic.name)
        if "personal" in (command := json.loads(record.value)) and command["order_id"] == order["order_id"]
    ]
    assert len(sealed) == 2

    assert "forgotten" in await run(stack, "ingress", "forget", order["order_id"])

    await eventually(lambda: not is_in_segments(stack, PRIVACY_KEYRING, wrapped), seconds=20)
    raw = secrets[0].encode()
    await eventually(lambda: not is_in_segments(stack, PUSH_SUBSCRIPTIONS, raw), seconds=20)
    after = await kitchen.get_order(order)
    gone = {"delivery_address": None, "customer": {"id": before["customer"]["id"]}, "forgotten": True}
    assert after == before | gone
    again = await place_order(kitchen, restaurant, "k1")
    assert again.replayed and (again.status, again.body) == (placed.status, placed.body)
    assert (await get_shown_order(kitchen, other))["delivery_address"]["street"] == STREET

    thief = Keyring(Wrapping(secret))
    for record in await records(stack, PRIVACY_KEYRING.name):
        thief.load(record.key, record.value)
        if record.key == tree:
            for raw in sealed:
                assert not opens(thief, before, raw)
    gone_words = (*WORDS, *secrets)
    assert not await written(stack, tmp_path / "second", gone_words)

    left_id = (await kitchen.get_order(other))["customer"]["id"]
    assert f"{left_id} forgotten" in await run(stack, "ingress", "customer", "forget", left_id)
    assert (await kitchen.get_order(other))["forgotten"] is True
    refused = await place_order(kitchen, restaurant, "k4", customer="k3")
    assert refused.status == 409 and b"customer-forgotten" in refused.body
    (left,) = json.loads(await run(stack, "ingress", "customer", "export", left_id))["orders"]
    assert left["personal"] == {"state": "forgotten"}


def opens(keyring: Keyring, order: dict[str, Any], sealed: str) -> bool:
    try:
        open_sealed(keyring, order["order_id"], order["customer"]["id"], base64.b64decode(sealed))
    except ErasedError:
        return False
    return True


async def written(stack: Stack, scratch: Path, words: tuple[str, ...]) -> scan.Found:
    """Return where these words are in all that the stack has written: files, databases, exports, Redis."""
    scratch.mkdir()
    await run(stack, "egress", "export", "--to", "parquet", "--into", str(scratch / "export"), "--until-end")
    exported = await asyncio.to_thread(scan.in_parquet, scratch / "export", words)
    async with Redis(port=stack.redis_port) as redis:
        in_redis = await scan.in_redis(redis, words)
    found = await asyncio.to_thread(scan.in_files, stack.data_dir, words)
    in_databases = await asyncio.to_thread(scan.in_rocksdb, stack.data_dir, words, scratch)
    found |= {(f"redis/{where}", word) for where, word in in_redis}
    found |= {(f"export/{where}", word) for where, word in exported}
    return found | {(f"rocksdb/{where}", word) for where, word in in_databases}


def is_in_segments(stack: Stack, topic: Topic, raw: bytes) -> bool:
    """Return True if a file of the topic has these bytes, also one that is about to be deleted."""
    for path in (stack.data_dir / "kafka").rglob(f"{topic.name}-*/*"):
        try:
            if path.is_file() and raw in path.read_bytes():
                return True
        except OSError:
            continue
    return False
