"""Lives: an order's id names another order once the first has left the state; the checker tells them apart."""

from typing import Any

import msgspec
from msgspec.structs import replace

from tests.checker.observations import Fact, Observations

#: Stands between an id or key and the number of its life, from the second on.
MARK = "#"


def separate_lives(seen: Observations) -> None:
    """Give the later lives of an order's id names of their own, in facts and in responses, and their keys too."""
    births: dict[str, list[str]] = {}  # when each life of an order's id was created
    for fact in sorted(seen.facts, key=_time):
        if (order_id := fact.value.get("order_id")) is None:
            continue
        lives = births.setdefault(order_id, [])
        if fact.topic == "order.created" and fact.value["created_at"] not in lives:
            lives.append(fact.value["created_at"])
        _rename(fact.value, len(lives))
    seen.calls = [
        replace(call, order_id=_named(call.order_id, number), key=_named(call.key, number))
        if call.order_id and (number := _life_of_response(call.body, births.get(call.order_id, []))) > 1
        else call
        for call in seen.calls
    ]


def original_id(order_id: str) -> str:
    """Return the id that the lives of an order's id share."""
    return order_id.partition(MARK)[0]


def _time(fact: Fact) -> tuple[str, list[int]]:
    return fact.value["occurred_at"], [int(part) for part in fact.event_id.split("-")]


def _rename(value: dict[str, Any], number: int) -> None:
    if number > 1:
        value["order_id"] = _named(value["order_id"], number)
        if "idempotency_key_hash" in value:
            value["idempotency_key_hash"] = _named(value["idempotency_key_hash"], number)


def _named(name: str, number: int) -> str:
    return f"{name}{MARK}{number}"


def _life_of_response(body: bytes, births: list[str]) -> int:
    """Return the number of the life that a response tells of, from 1."""
    created_at = msgspec.json.decode(body)["order"]["created_at"]
    return births.index(created_at) + 1 if created_at in births else 1
