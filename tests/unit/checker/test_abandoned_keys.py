"""Orders whose customers gave up are not expected to be answered; all others are."""

from tests.checker import orders, service
from tests.checker.observations import Observations, OrderAttempt

ACCEPTED = OrderAttempt("r1", "k", [("x", 1)], 202, order_id="o_1")


def test_an_accepted_order_that_is_never_decided_is_lost() -> None:
    """Also one that was never answered."""
    seen = Observations(calls=[ACCEPTED])
    assert orders.acknowledged_orders_stand(seen).violations
    assert service.every_key_is_answered(seen).violations


def test_a_key_that_is_not_used_again_may_stay_without_an_answer() -> None:
    """Its order may have been refused, and may have left the state."""
    seen = Observations(calls=[ACCEPTED], abandoned={("r1", "k")})
    assert not orders.acknowledged_orders_stand(seen).violations
    assert not service.every_key_is_answered(seen).violations
    others = Observations(calls=[ACCEPTED], abandoned={("r1", "l"), ("r2", "k")})
    assert service.every_key_is_answered(others).violations
