"""Event streams and boards: no event missed and none twice, across kills and reconnects."""

from collections import defaultdict

from tests.checker.observations import Finding, Observations
from tests.checker.orders import ORDER_TOPICS

FINAL = {"delivered", "cancelled"}


def followers_miss_nothing(seen: Observations) -> Finding:
    """After quiet, the page of an order has received each version once, in order, up to the first final status."""
    finding = Finding()
    versions = _versions(seen)
    for page in seen.followed:
        expected = _expected_events(versions[page.order_id])
        finding.expect(
            page.events == expected, f"{page.order_id}: received {page.events}, facts have {expected}"
        )
    return finding


def boards_equal_facts(seen: Observations) -> Finding:
    """After quiet, a board has every open order of the restaurant, with its present status."""
    finding = Finding()
    now = {order_id: statuses[max(statuses)] for order_id, statuses in _versions(seen).items()}
    confirmed: dict[str, set[str]] = defaultdict(set)
    for fact in seen.of("order.confirmed"):
        confirmed[fact.value["restaurant_id"]].add(fact.value["order_id"])
    for board in seen.boards:
        for order_id in confirmed[board.restaurant_id]:
            shown = board.orders.get(order_id)
            gone = shown is None and now[order_id] in FINAL
            finding.expect(
                gone or shown == now[order_id], f"{order_id}: board {shown}, facts {now[order_id]}"
            )
        for order_id in board.orders.keys() - confirmed[board.restaurant_id]:
            finding.expect(
                False, f"{order_id} is on the board of {board.restaurant_id}, which does not have this order"
            )
    return finding


def _expected_events(statuses: dict[int, str]) -> list[tuple[str, str]]:
    """Return the events that a stream must send: it ends with the first final status, before a refund."""
    events = []
    for version, status in sorted(statuses.items()):
        events.append((str(version), status))
        if status in FINAL:
            break
    return events


def _versions(seen: Observations) -> dict[str, dict[int, str]]:
    """Return the status of each version of each order."""
    versions: dict[str, dict[int, str]] = defaultdict(dict)
    for fact in seen.of(*ORDER_TOPICS):
        versions[fact.value["order_id"]][fact.value["version"]] = fact.value["status"]
    return versions
