"""No commands within the limits of HTTP lead to a record that Kafka does not take."""

from schemas.commands import (
    MAX_LINES,
    Command,
    CustomerRef,
    DeleteMenuItem,
    DeletePromotion,
    Payment,
    PlaceOrder,
    PromotionItem,
    PutMenuItem,
    PutPromotion,
    RequestedItem,
)
from schemas.identity import fingerprint, key_hash, order_id
from schemas.money import MAX_AMOUNT, Money
from schemas.settings import Settings
from schemas.topics import STATE_CHANGELOG, max_record_bytes
from streams.exactly_once.record_size import record_size
from tests.support.domain.harness import NOW
from tests.unit.agents.test_command_handler import Partition

SETTINGS = Settings()
MAX_PROMOTION_ITEMS, MAX_PORTIONS = 200, 10_000_000
NAME = "ã" * 200
DAY = 86_400_000


def identifier(kind: str, number: int) -> str:
    return f"{kind}{number:03d}".ljust(64, "x")


def sizes_of(outputs) -> dict[str, int]:
    found: dict[str, int] = {}
    for output in outputs:
        size = record_size(output.key, output.value, output.headers)
        found[output.topic] = max(size, found.get(output.topic, 0))
    return found


def test_the_worst_catalogue_and_the_worst_order_fit():
    """As many promotions over as many items as there may be, put again when all of them are over but still counted.

    Then an item of all of them is deleted, and one of the promotions.
    """
    partition = Partition()
    now, largest = NOW, dict[str, int]()

    def send(command: Command) -> None:
        for topic, size in sizes_of(partition.send(command, now)).items():
            largest[topic] = max(size, largest.get(topic, 0))

    skus = [identifier("s", n) for n in range(MAX_PROMOTION_ITEMS)]
    for sku in skus:
        send(PutMenuItem("r1", sku, NAME, "ã" * 2_000, NAME, Money(MAX_AMOUNT), MAX_PORTIONS))
    for generation in range(2):
        for number in range(SETTINGS.promotions_per_restaurant):
            items = [
                PromotionItem(sku, Money(MAX_AMOUNT - number - 1), MAX_PORTIONS, 9_999, "regular_price", 9)
                for sku in skus
            ]
            id_ = identifier(f"p{generation}", number)
            send(PutPromotion("r1", id_, now, now + DAY, items))
        send(_order(f"worst {generation}", skus[:MAX_LINES]))
        if generation == 1:
            send(DeleteMenuItem("r1", skus[0], "restaurant:" + identifier("t", 1)))
            send(DeletePromotion("r1", id_, "restaurant:" + identifier("t", 1)))
        now += DAY + 3_600_000 - 1 if generation == 0 else DAY
    assert partition.results["dead"] == 0
    for topic, size in largest.items():
        assert size < max_record_bytes(topic), (topic, size)
    for table in partition.tables.values():
        for key, value in table.changes():
            assert record_size(key, value) < max_record_bytes(STATE_CHANGELOG.name), key


def _order(key: str, skus: list[str]) -> PlaceOrder:
    return PlaceOrder(
        order_id=order_id("r1", key),
        restaurant_id="r1",
        idempotency_key_hash=key_hash("r1", key),
        request_fingerprint=fingerprint(key.encode()),
        items=[RequestedItem(sku, 99, None) for sku in skus],
        payment=Payment("pix"),
        customer=CustomerRef("c" * 128),
        personal=b"x" * 20_000,
    )
