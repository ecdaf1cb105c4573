"""The check of order views against facts, with refused orders that leave Redis after their time."""

import json

import pytest

from schemas.timestamps import to_text
from schemas.view_keys import REFUSED_ORDER_TTL_SECONDS
from tests.checker.observations import Fact, Observations
from tests.checker.reads import order_views_equal_facts

NOW = 1_800_000_000_000


def order(age_seconds: int, **changes) -> dict:
    return {
        "order_id": "o1",
        "restaurant_id": "r1",
        "status": "cancelled",
        "items": [],
        "total": {"amount": 1},
        "version": 2,
        "updated_at": to_text(NOW - age_seconds * 1000),
    } | changes


def violations(fact: dict, shown: dict | None) -> int:
    seen = Observations(order_views_read_at=NOW)
    seen.facts.append(Fact("order.failed", 0, 0, "e", fact))
    seen.order_views = {} if shown is None else {"o1": f"2|{json.dumps(shown)}"}
    return len(order_views_equal_facts(seen).violations)


@pytest.mark.parametrize(
    ("age_seconds", "is_shown", "expected"),
    [
        (60, True, 0),
        (60, False, 1),
        (REFUSED_ORDER_TTL_SECONDS + 10, True, 0),
        (REFUSED_ORDER_TTL_SECONDS + 10, False, 0),
        (REFUSED_ORDER_TTL_SECONDS + 3_600, True, 0),
        (REFUSED_ORDER_TTL_SECONDS + 3_600, False, 0),
    ],
)
def test_a_refused_order_may_be_gone_after_its_time(age_seconds, is_shown, expected):
    """A campaign of more than a quarter of an hour sees both."""
    refused = order(age_seconds)
    assert violations(refused, refused if is_shown else None) == expected


@pytest.mark.parametrize(
    "changes", [{"status": "delivered"}, {"refund": {"status": "refunded"}}, {"eta": {}}]
)
def test_an_order_that_was_not_refused_stays(changes):
    """However old it is."""
    known = order(3_600, eta={"p50": "x"}) | changes
    known["eta"] = known["eta"] or {"p50": "x"}
    assert violations(known, None) == 1


def test_a_view_that_differs_is_found():
    """Also in the time in which the order may be gone."""
    refused = order(REFUSED_ORDER_TTL_SECONDS + 10)
    assert violations(refused, refused | {"version": 1}) == 1
