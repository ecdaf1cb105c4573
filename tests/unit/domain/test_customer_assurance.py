"""What a promotion asks a customer to prove, and what an order has proved."""

import pytest
from msgspec.structs import replace

from schemas.assurance import Assurance, highest, is_enough
from schemas.commands import CustomerRef, PromotionItem
from schemas.money import Money
from tests.support.domain.harness import DomainHarness, place, promotion

LEVELS: list[Assurance] = ["none", "device", "phone"]


def opened(customer_assurance: Assurance, limit: int | None = None) -> DomainHarness:
    """Return a restaurant with a promotion of x."""
    domain = DomainHarness().open(x=50)
    put = promotion(PromotionItem("x", Money(400), 20, limit))
    domain.do(replace(put, customer_assurance=customer_assurance))
    return domain


def order(domain: DomainHarness, proved: Assurance, key: str = "k"):
    """Order one portion, as a customer who has proved this."""
    customer = None if proved == "none" else CustomerRef("ana", proved)
    return domain.do(replace(place(key, ("x", 1)), customer=customer)).answer


@pytest.mark.parametrize("given", LEVELS)
@pytest.mark.parametrize("required", LEVELS)
@pytest.mark.parametrize("limit", [None, 2])
def test_order_proves_what_its_promotion_asks(given, required, limit):
    """Otherwise the refusal says what is asked for and for what, and nothing is written."""
    domain = opened(required, limit)
    facts = len(domain.facts)
    answer = order(domain, given)
    asked = highest(required, "device" if limit else "none")
    if is_enough(given, asked):
        assert answer.outcome == "confirmed"
    else:
        assert (answer.outcome, answer.skus, answer.required_assurance) == ("customer_required", ["x"], asked)
        assert len(domain.facts) == facts
        assert order(domain, asked).outcome == "confirmed", "the key is still new"


def test_the_order_asks_for_the_highest_of_its_items():
    """Two promotions in one order: who proves the phone may have both."""
    domain = DomainHarness().open(x=5, y=5)
    domain.do(replace(promotion(PromotionItem("x", Money(400))), customer_assurance="device"))
    domain.do(replace(promotion(PromotionItem("y", Money(400)), id_="p2"), customer_assurance="phone"))
    answer = domain.do(place("k", ("x", 1), ("y", 1))).answer
    assert (answer.skus, answer.required_assurance) == (["x", "y"], "phone")


def test_a_changed_assurance_is_another_promotion():
    """It is no repetition of the same PUT, and the fact carries it."""
    domain = opened("none")
    put = promotion(PromotionItem("x", Money(400), 20))
    assert domain.do(replace(put, customer_assurance="phone")).answer.outcome == "replaced"
    assert domain.facts[-1].promotion.customer_assurance == "phone"
    facts = len(domain.facts)
    domain.do(replace(put, customer_assurance="phone"))
    assert len(domain.facts) == facts


def test_a_command_of_an_earlier_release_counts_as_a_devices():
    """Its id was any text: it meets limits as before, and never stands for a phone."""
    assert CustomerRef("c-123").assurance == "device"
    assert order(opened("none", 2), "device").outcome == "confirmed"
