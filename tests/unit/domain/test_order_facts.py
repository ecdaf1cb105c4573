"""Facts that carry an order: the next version, and the order back out of the fact."""

from msgspec.structs import asdict

from schemas.facts import OrderCancelled
from schemas.money import Money
from schemas.orders import Eta, Order, OrderLine, Refund, Shortage, order_of
from schemas.timestamps import to_text
from streams.domain import order_facts
from tests.support.domain.harness import NOW

#: Every field differs from its default, so a field that is not copied shows.
ORDER = Order(
    order_id="o1",
    restaurant_id="r1",
    status="received",
    items=[OrderLine("coxinha", "Coxinha", 2, Money(1000), "p1")],
    total=Money(2000),
    payment_method="pix",
    idempotency_key_hash="hash",
    created_at=to_text(NOW),
    updated_at=to_text(NOW),
    version=2,
    eta=Eta(to_text(NOW), to_text(NOW)),
    reason="customer",
    shortages=[Shortage("coxinha", 1)],
    paid=True,
    refund=Refund("pending", Money(2000)),
    customer_id="ana",
    is_counted=True,
    bucket=3,
    holder="digest",
)


def test_an_order_comes_out_of_its_fact_with_every_field():
    """A new field of Order must be copied by `order_of`, and must be set to another value than its default above."""
    defaults = asdict(Order(**{name: None for name in Order.__struct_fields__[:10]}))
    assert not [name for name, value in asdict(ORDER).items() if value == defaults[name]]
    assert order_of(OrderCancelled(**asdict(ORDER), occurred_at=ORDER.updated_at)) == ORDER


def test_a_fact_carries_the_next_version_of_its_order():
    """Version and time of the change; all else stays."""
    fact = order_facts.status_changed(ORDER, NOW + 1000, "preparing")
    changed = {"status": "preparing", "version": 3, "updated_at": to_text(NOW + 1000)}
    assert asdict(order_of(fact)) == asdict(ORDER) | changed
    assert fact.occurred_at == fact.updated_at
