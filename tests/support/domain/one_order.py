"""Short ways to write commands to one order: two coxinhas, under the key `k`, at the restaurant `r1`."""

from msgspec import UNSET

from schemas.commands import AdvanceOrder, CancelOrder, PaymentResult
from schemas.identity import cancel_key_hash, order_id
from schemas.orders import Order
from schemas.replies import Answer, Reply
from tables.registry import ORDERS, key
from tests.support.domain.harness import DomainHarness, place

ORDER = order_id("r1", "k")
#: Of the provider's authorisation.
REFERENCE = "ref_1"


def pending_order() -> DomainHarness:
    """A restaurant with five coxinhas, and one order of two that waits for its payment."""
    domain = DomainHarness().open(coxinha=5)
    assert domain.do(place("k", ("coxinha", 2), method="pix")) is None
    return domain


def order(domain: DomainHarness) -> Order:
    """Return the order."""
    return domain[ORDERS][key("r1", ORDER)]


def result(domain: DomainHarness, outcome: str, kind: str = "authorise") -> None:
    """Decide a result of the payment provider for the order's payment."""
    stored = domain[ORDERS].get(key("r1", ORDER))
    reference = REFERENCE if outcome == "authorised" else UNSET
    payment = stored.payment_id if stored else UNSET
    domain.do(PaymentResult("r1", ORDER, kind, outcome, payment, reference), None)


def advance(domain: DomainHarness, status: str) -> Answer:
    """Move the order on; return the answer."""
    return domain.do(AdvanceOrder("r1", ORDER, status)).answer


def cancel(domain: DomainHarness, by: str = "customer", key_: str = "c") -> Reply:
    """Cancel the order; return the reply."""
    return domain.do(CancelOrder("r1", ORDER, by, cancel_key_hash(ORDER, key_), "same"))


def in_state(state: str) -> DomainHarness:
    """Return a domain whose order is in this state."""
    domain = pending_order()
    if state == "cancelled":
        result(domain, "declined")
    elif state != "pending":
        result(domain, "authorised")
        for step in ("preparing", "out_for_delivery", "delivered"):
            if order(domain).status != state:
                advance(domain, step)
    assert order(domain).status == state
    return domain
