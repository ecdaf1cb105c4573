"""Hundreds of bad inputs, each with the problem that it must be answered with; nothing is written."""

import json

import pytest
from yarl import URL

from ingress.http.problem_catalogue import PROBLEMS
from ingress.views.ports import OrderView
from schemas.commands import Payment, PlaceOrder
from tests.support.ingress.bad import heads, offers, orders
from tests.support.ingress.bad.inputs import ORDER_ID, Input
from tests.support.ingress.fakes import FakeProducer, FakeViews, order_of
from tests.support.ingress.samples import item, menu
from tests.unit.ingress.conftest import Client

TABLES: dict[str, list[Input]] = {"orders": orders.TABLE, "offers": offers.TABLE, "heads": heads.TABLE}
ORDER = PlaceOrder(ORDER_ID, "r1", "h", "f", [], Payment("pix"))


@pytest.mark.parametrize("table", TABLES)
async def test_bad_input_gets_its_problem(
    client: Client, log: FakeProducer, views: FakeViews, table: str
) -> None:
    """450 curated bad inputs, as tables."""
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


def test_bad_inputs_are_450_and_distinct() -> None:
    """450 by hand, and none twice."""
    inputs = [bad for table in TABLES.values() for bad in table]
    assert len(inputs) >= 450
    seen = {(bad.method, bad.path, tuple(bad.headers.items()), bad.body) for bad in inputs}
    assert len(seen) == len(inputs)
