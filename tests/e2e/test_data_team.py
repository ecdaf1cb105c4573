"""Exports of the data team, killed while facts arrive, and the summary of a promotion."""

import asyncio
import json
import random
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from egress.examples import promotion
from schemas.topics import FACT_TOPICS
from tests.e2e.customers import Kitchen, order_body
from tests.e2e.stack import Stack
from tests.support import facts

TOPICS = [topic.name for topic in FACT_TOPICS.values()]
KILLS = 4


def exporting(stack: Stack, into: Path, *more: str) -> subprocess.Popen[bytes]:
    environment = stack.environment | {"PROMO_KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap}
    command = [sys.executable, "-m", "egress", "export", "--to", "parquet", "--into", str(into), *more]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


async def finished(process: subprocess.Popen[bytes]) -> None:
    out, err = await asyncio.to_thread(process.communicate, timeout=60)
    assert process.returncode == 0, out + err


async def promoted(kitchen: Kitchen) -> str:
    """Return a restaurant whose promotion sold 4 portions in 3 orders, one of them cancelled, and refused one order."""
    restaurant = await kitchen.open(coxinha=50)
    now = datetime.now(UTC)
    window = {"starts_at": now - timedelta(minutes=5), "ends_at": now + timedelta(minutes=10)}
    item = {
        "sku": "coxinha",
        "promo_price": {"amount": 490},
        "portions": 30,
        "per_customer_limit": 2,
    }
    body = {name: at.isoformat() for name, at in window.items()} | {"items": [item]}
    assert (await kitchen.put(f"/v1/restaurants/{restaurant}/promotions/p1", body)).status == 201
    placed = []
    for customer, quantity, status in (("a", 2, 201), ("b", 1, 201), ("c", 1, 201), ("a", 1, 409)):
        order = order_body(restaurant, ("coxinha", quantity), method="cash")
        key = {"Idempotency-Key": f"{customer}{status}", **await kitchen.as_customer(customer)}
        answer = await kitchen.call("POST", "/v1/orders", json=order, headers=key)
        assert answer.status == status, answer.body
        placed.append(json.loads(answer.body))
    assert (await kitchen.cancel(placed[1])).status == 200
    return restaurant


@pytest.mark.slow
async def test_killed_export_holds_each_fact_once(kitchen: Kitchen, stack: Stack, tmp_path: Path) -> None:
    """kill -9 at any moment, while orders arrive; then files and topics give the same summary of the promotion."""
    promoting = await promoted(kitchen)
    other = await kitchen.open(coxinha=None)
    is_over = asyncio.Event()

    async def orders() -> None:
        number = 0
        while not is_over.is_set():
            await kitchen.order_until_decided(other, f"more{number}", ("coxinha", 1))
            number += 1
            await asyncio.sleep(0.02)

    ordering = asyncio.create_task(orders())
    for _ in range(KILLS):
        process = exporting(stack, tmp_path, "--every", "0.05")
        await asyncio.sleep(random.uniform(0.6, 2.0))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    is_over.set()
    await ordering
    await finished(exporting(stack, tmp_path, "--until-end"))
    query = "SELECT kafka_partition, kafka_offset FROM read_parquet(?) WHERE restaurant_id IN (?, ?)"
    for topic in TOPICS:
        wanted = [
            (record.partition, record.offset)
            for one in (promoting, other)
            for record in await facts.read(stack.bootstrap, [topic], one)
        ]
        files = str(tmp_path / f"topic={topic}" / "day=*" / "*.parquet")
        found = duckdb.execute(query, [files, promoting, other]).fetchall() if wanted else []
        assert sorted(found) == sorted(wanted), topic
    rows = promotion.summarize(tmp_path, promoting, "p1").fetchall()
    (sku, offered, sold, cancelled, orders_, refused, centavos, until_last) = rows[0]
    assert len(rows) == 1 and (sku, offered, sold, cancelled) == ("coxinha", 30, 4, 1)
    assert (orders_, refused, centavos) == (3, 1, 4 * 490) and 300_000 <= until_last < 400_000
    command = [sys.executable, "-m", "egress.examples.promotion", "--kafka", stack.bootstrap, promoting, "p1"]
    shown = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)
    assert shown.returncode == 0, shown.stderr
    assert "coxinha" in shown.stdout and "1960" in shown.stdout
    columns = promotion.summarize(tmp_path, promoting, "p1").columns
    assert all(f" {name} " in shown.stdout for name in columns), "none is hidden in a narrow terminal"
