"""Orders of a whole stack: HTTP in, facts and views out."""

import asyncio
import json
from collections import Counter

import pytest
from aiokafka.record.memory_records import MemoryRecords

from schemas.topics import FACT_TOPICS, PORTIONS_MOVED
from tests.support import facts
from tests.support.waiting import eventually

#: Portions move only where restaurants have buckets (streams/domain/escrow/README.md).
FACTS = [topic.name for topic in FACT_TOPICS.values() if topic is not PORTIONS_MOVED]


async def test_order_is_confirmed_and_shown_on_the_menu(kitchen):
    """PUT, PUT, POST, GET: the shortest path."""
    restaurant = await kitchen.open(coxinha=5)
    answer = await kitchen.order(restaurant, "k", ("coxinha", 2))
    assert answer.status == 201
    body = json.loads(answer.body)
    assert body["status"] == "received"
    assert answer.headers["Location"] == f"/v1/orders/{body['order_id']}"

    async def is_shown() -> bool:
        menu = json.loads((await kitchen.call("GET", f"/v1/restaurants/{restaurant}/menu")).body)
        shown = [item["availability"] for item in menu.get("items", [])]  # none: the view is not there yet
        return shown == [{"state": "available", "count": 3}] and menu["degraded"] is False

    async def is_received() -> bool:
        order = await kitchen.get_order(body)
        return order["status"] == "received" and order["total"]["amount"] == 2000

    await eventually(is_shown)
    await eventually(is_received)


async def test_concurrent_retries_make_one_order_per_key(kitchen, stack):
    """200 orders, byte-equal answers, 800 marked replayed, 200 records on order.confirmed."""
    restaurant = await kitchen.open(coxinha=None)
    answers = await asyncio.gather(
        *(
            kitchen.order_until_decided(restaurant, f"k{i}", ("coxinha", 1))
            for i in range(200)
            for _ in range(5)
        )
    )
    assert Counter(a.status for a in answers) == {201: 1000}
    assert sum(a.replayed for a in answers) == 800
    assert len({a.body for a in answers}) == 200
    confirmed = await facts.read(stack.bootstrap, ["order.confirmed"], restaurant)
    assert len(confirmed) == len({r.value["order_id"] for r in confirmed}) == 200


async def test_concurrent_orders_sell_exactly_the_stock(kitchen, stack):
    """1,500 orders for 100 portions of one item, 60 of another, or both; no order gets a part of its items."""
    restaurant = await kitchen.open(coxinha=100, pastel=60)
    baskets = [[("coxinha", 1)], [("pastel", 1)], [("coxinha", 1), ("pastel", 1)]]
    answers = await asyncio.gather(
        *(kitchen.order_until_decided(restaurant, f"k{i}", *baskets[i % 3]) for i in range(1500))
    )
    assert set(a.status for a in answers) == {201, 409}
    sold = Counter()
    for answer in answers:
        if answer.status == 201:
            sold.update({line["sku"]: line["quantity"] for line in json.loads(answer.body)["items"]})
    assert sold == {"coxinha": 100, "pastel": 60}
    confirmed = await facts.read(stack.bootstrap, ["order.confirmed"], restaurant)
    assert len(confirmed) == sum(a.status == 201 for a in answers)
    reserved = await facts.read(stack.bootstrap, ["stock.reserved"], restaurant)
    assert {r.value["order_id"] for r in reserved} == {r.value["order_id"] for r in confirmed}
    left = {item["sku"]: item["available"] for r in reserved for item in r.value["items"]}
    assert left == {"coxinha": 0, "pastel": 0}


@pytest.mark.slow
async def test_kills_lose_repeat_and_oversell_nothing(kitchen, stack):
    """kill -9 of the stream worker five times and of ingress once under 20 clients that retry."""
    restaurant = await kitchen.open(coxinha=150)
    going = True

    async def client(number: int) -> list[tuple[str, int, bytes]]:
        done = []
        while going:
            key = f"c{number}-{len(done)}"
            answer = await kitchen.order_until_decided(restaurant, key, ("coxinha", 1))
            done.append((key, answer.status, answer.body))
            await asyncio.sleep(0.1)
        return done

    clients = [asyncio.create_task(client(i)) for i in range(20)]
    for role in ("streams", "streams", "ingress", "streams", "streams", "streams"):
        await asyncio.sleep(1.5)
        old = await asyncio.to_thread(stack.kill, role)
        await asyncio.to_thread(stack.wait_for_new, role, old)
    await asyncio.sleep(1.5)
    going = False
    answers = [answer for done in await asyncio.gather(*clients) for answer in done]
    acknowledged = {json.loads(body)["order_id"] for _, status, body in answers if status == 201}
    confirmed = await facts.read(stack.bootstrap, ["order.confirmed"], restaurant)
    ids = [r.value["order_id"] for r in confirmed]
    assert len(ids) == len(set(ids)) <= 150
    assert set(ids) == acknowledged
    assert Counter(status for _, status, _ in answers)[201] == len(ids)
    for key, status, body in answers[::7]:
        again = await kitchen.order_until_decided(restaurant, key, ("coxinha", 1))
        assert (again.status, again.body, again.replayed) == (status, body, True)


async def test_every_fact_is_written_in_a_transaction(kitchen, stack):
    """Reads the log's segments, since Faust's own mode writes outside of transactions. Two readers get the same facts."""
    restaurant = await kitchen.open(coxinha=2)
    kept, cancelled = [
        json.loads((await kitchen.order(restaurant, key, ("coxinha", 1))).body) for key in ("k1", "k2")
    ]
    assert (await kitchen.order(restaurant, "k3", ("coxinha", 1))).status == 409
    assert (await kitchen.advance(kept, "preparing")).status == 200
    assert (await kitchen.cancel(cancelled)).status == 200

    async def refunded() -> bool:
        refund = (await kitchen.get_order(cancelled))["refund"]  # none until the view shows the cancellation
        return refund is not None and refund["status"] == "refunded"

    await eventually(refunded)
    batches = Counter()
    for topic in FACTS:
        for segment in stack.data_dir.rglob(f"{topic}-*/*.log"):
            records = MemoryRecords(segment.read_bytes())
            while (batch := records.next_batch()) is not None:
                batches[(topic, batch.is_transactional)] += 1
    assert {topic for topic, _ in batches} == set(FACTS)
    assert all(transactional for _, transactional in batches)
    one, two = await asyncio.gather(*(facts.read(stack.bootstrap, FACTS) for _ in range(2)))
    assert one and sorted(map(repr, one)) == sorted(map(repr, two))
