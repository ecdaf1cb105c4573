"""Laws of the buckets for every history, every order of arrival, and every duplicate."""

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.commands import CancelOrder
from schemas.facts import OrderConfirmed
from tests.escrow import laws
from tests.escrow.harness import EscrowHarness
from tests.escrow.seeds import SKUS, opened
from tests.support.domain.harness import menu_item, place

orders = st.tuples(
    st.just("order"),
    st.integers(0, 30),
    st.lists(st.tuples(st.sampled_from(SKUS), st.integers(1, 4)), min_size=1, max_size=2),
    st.sampled_from(["ana", "bia", "caio", "duda"]),
    st.sampled_from(["cash", "pix"]),
)
steps = st.one_of(
    orders,
    orders,
    st.tuples(st.just("deliver"), st.integers(0, 50), st.booleans()),
    st.tuples(st.just("deliver"), st.integers(0, 50), st.just(False)),
    st.tuples(st.just("deliver"), st.integers(0, 50), st.just(False)),
    st.tuples(st.just("time"), st.sampled_from([0.01, 0.3, 1.1, 130.0])),
    st.tuples(st.just("cancel"), st.integers(0, 20)),
    st.tuples(st.just("portions"), st.sampled_from(SKUS), st.integers(0, 30)),
)
histories = st.lists(steps, max_size=60)


def play(harness: EscrowHarness, history, promotion_id) -> list[bytes]:
    """Run the history, and check the laws after every step."""
    callers: list[bytes] = []
    refusals = laws.RefusalCheck(harness, SKUS)
    for n, (kind, *what) in enumerate(history):
        match kind:
            case "order":
                number, lines, customer, method = what
                callers.append(b"a%d" % n)
                harness.now += 1
                order = place(f"k{number}", *lines, customer=customer, method=method)
                refusals.record_order(order.order_id)
                harness.place_order(order, callers[-1])
            case "deliver" if harness.in_flight:
                harness.deliver(*what)
            case "time":
                harness.advance_time(*what)
            case "cancel":
                confirmed = [f for f in harness.facts if isinstance(f, OrderConfirmed)]
                if confirmed:
                    f = confirmed[what[0] % len(confirmed)]
                    harness.decide(
                        CancelOrder(f.restaurant_id, f.order_id, "customer", f"c{f.order_id}", "c")
                    )
            case "portions":
                harness.decide(menu_item(*what))
        laws.check_portions(harness, SKUS, promotion_id)
        laws.check_transfers(harness)
        if promotion_id is None:
            refusals.check()
    while harness.in_flight:
        harness.deliver(0)
        if promotion_id is None:
            refusals.check()
    harness.settle()
    harness.advance_time(130)  # orders that are not paid are released
    harness.settle()
    laws.check_portions(harness, SKUS, promotion_id)
    return callers


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 4), st.integers(0, 12), st.booleans(), st.sampled_from([0, 40]), histories)
def test_portions_are_conserved_and_each_order_is_decided_once(count, portions, in_promotion, rate, history):
    """Whatever is delayed, duplicated or overtaken between the buckets."""
    harness = opened(count, portions, in_promotion, rate)
    callers = play(harness, history, "p1" if in_promotion else None)
    laws.check_transfers(harness)
    laws.check_keys(harness)
    laws.check_settled(harness, callers)
