"""What was followed live: nothing missed, nothing twice, whatever was killed between."""

from collections import defaultdict

from tests.checker.observations import Finding, Observations
from tests.checker.orders import ORDER_TOPICS

FINAL = {"delivered", "cancelled"}


def followers_miss_nothing(seen: Observations) -> Finding:
    """After quiet the page of an order was told each of its versions once, in order, by id, to the first final status."""
    finding = Finding()
    lives = _lives(seen)
    for page in seen.followed:
        life = _told(lives[page.order_id])
        finding.expect(page.events == life, f"{page.order_id}: told {page.events}, facts say {life}")
    return finding


def boards_equal_facts(seen: Observations) -> Finding:
    """After quiet a board has every order that the restaurant is to see to, and each as it is."""
    finding = Finding()
    now = {order_id: life[max(life)] for order_id, life in _lives(seen).items()}
    confirmed: dict[str, set[str]] = defaultdict(set)
    for fact in seen.of("order.confirmed"):
        confirmed[fact.value["restaurant_id"]].add(fact.value["order_id"])
    for board in seen.watched:
        for order_id in confirmed[board.restaurant_id]:
            shown = board.orders.get(order_id)
            gone = shown is None and now[order_id] in FINAL
            finding.expect(
                gone or shown == now[order_id], f"{order_id}: board {shown}, facts {now[order_id]}"
            )
        for order_id in board.orders.keys() - confirmed[board.restaurant_id]:
            finding.expect(False, f"{order_id} is on the board of {board.restaurant_id}, and not its order")
    return finding


def _told(life: dict[int, str]) -> list[tuple[str, str]]:
    """Return what is to be told of an order: a stream ends with a final status, and refunds come after it."""
    told = []
    for version, status in sorted(life.items()):
        told.append((str(version), status))
        if status in FINAL:
            break
    return told


def _lives(seen: Observations) -> dict[str, dict[int, str]]:
    """Return the status of each order's versions."""
    lives: dict[str, dict[int, str]] = defaultdict(dict)
    for fact in seen.of(*ORDER_TOPICS):
        lives[fact.value["order_id"]][fact.value["version"]] = fact.value["status"]
    return lives
