"""Laws of the buckets for every history, every order of arrival, and every duplicate."""

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.commands import CancelOrder
from schemas.facts import OrderConfirmed
from tests.domain.world import menu_item, place
from tests.escrow import laws
from tests.escrow.seeds import SKUS, opened
from tests.escrow.town import Town

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


def play(town: Town, history, promotion_id) -> list[bytes]:
    """Carry the history out, and look at the laws after every step."""
    askers: list[bytes] = []
    lows = laws.Lows(town, SKUS)
    for n, (kind, *what) in enumerate(history):
        match kind:
            case "order":
                number, lines, customer, method = what
                askers.append(b"a%d" % n)
                town.now += 1
                order = place(f"k{number}", *lines, customer=customer, method=method)
                lows.asked(order.order_id)
                town.ask_for(order, askers[-1])
            case "deliver" if town.under_way:
                town.deliver(*what)
            case "time":
                town.pass_time(*what)
            case "cancel":
                confirmed = [f for f in town.facts if isinstance(f, OrderConfirmed)]
                if confirmed:
                    f = confirmed[what[0] % len(confirmed)]
                    town.tell(CancelOrder(f.restaurant_id, f.order_id, "customer", f"c{f.order_id}", "c"))
            case "portions":
                town.tell(menu_item(*what))
        laws.at_every_moment(town, SKUS, promotion_id)
        laws.transfers_count_once(town)
        if promotion_id is None:
            lows.look()
    while town.under_way:
        town.deliver(0)
        if promotion_id is None:
            lows.look()
    town.settle()
    town.pass_time(130)  # what was not paid for comes back
    town.settle()
    laws.at_every_moment(town, SKUS, promotion_id)
    return askers


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 4), st.integers(0, 12), st.booleans(), st.sampled_from([0, 40]), histories)
def test_portions_are_conserved_and_each_order_is_decided_once(count, portions, in_promotion, rate, history):
    """Whatever is delayed, doubled or overtaken between the buckets."""
    town = opened(count, portions, in_promotion, rate)
    askers = play(town, history, "p1" if in_promotion else None)
    laws.transfers_count_once(town)
    laws.one_order_per_key(town)
    laws.after_quiet(town, askers)
