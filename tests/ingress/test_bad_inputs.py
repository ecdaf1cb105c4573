"""Hundreds of bad inputs, each with the problem that it must be answered with, and nothing written."""

import json

import pytest
from yarl import URL

from ingress.texts import PROBLEMS
from ingress.views import OrderView
from schemas.commands import Payment, PlaceOrder
from tests.ingress.bad import heads, offers, orders
from tests.ingress.bad.inputs import ORDER_ID, Input
from tests.ingress.conftest import Client
from tests.ingress.fakes import FakeLog, FakeViews, order_of
from tests.ingress.samples import item, menu

TABLES: dict[str, list[Input]] = {"orders": orders.TABLE, "offers": offers.TABLE, "heads": heads.TABLE}
ORDER = PlaceOrder(ORDER_ID, "r1", "h", "f", [], Payment("pix"))


@pytest.mark.parametrize("table", TABLES)
async def test_every_bad_input_is_answered_with_its_problem(
    client: Client, log: FakeLog, views: FakeViews, table: str
) -> None:
    """Shown when: 450 curated bad inputs, as tables."""
    views.show("r1", menu([item("coxinha")]))
    views.orders[ORDER_ID] = OrderView(order_of(ORDER), [])
    wrong = []
    for bad in TABLES[table]:
        target = URL(f"http://{client.host}:{client.port}{bad.path}", encoded=True)
        async with client.session.request(
            bad.method, target, headers=bad.headers, data=bad.body, skip_auto_headers=["Content-Type"]
        ) as response:
            answer = await response.read()
            problem = json.loads(answer) if response.content_type == "application/problem+json" else {}
            if (response.status, problem.get("type")) != (PROBLEMS[bad.slug].status, f"/problems/{bad.slug}"):
                wrong.append(f"{bad.name}: {response.status} {answer[:120]!r} in place of {bad.slug}")
    assert not wrong, "\n".join(wrong)
    assert log.written == [], "something was written of a bad input"


def test_there_are_as_many_as_were_asked_for() -> None:
    """450 by hand, and none twice."""
    inputs = [bad for table in TABLES.values() for bad in table]
    assert len(inputs) >= 450
    seen = {(bad.method, bad.path, tuple(bad.headers.items()), bad.body) for bad in inputs}
    assert len(seen) == len(inputs)
