"""Which statuses are due: laws over any history that is shown in any order."""

from hypothesis import given
from hypothesis import strategies as st

from ingress.live import history
from ingress.views import OrderView, StatusChange
from schemas.orders import FINAL, Order
from tests.egress.stories import LIVES, Story
from tests.ingress.fakes import AT

stories = st.sampled_from([life for life in LIVES if "refunded" not in life])


def whole(life: tuple[str, ...], begins: int) -> tuple[Order, list[StatusChange]]:
    """Return an order that lived so, its versions from `begins`."""
    story = Story()
    story.order(True, life)
    order = story.orders["o1"]
    statuses = ["pending", "received", *life]
    return order, [StatusChange(status, AT, begins + n) for n, status in enumerate(statuses)]


@given(stories, st.integers(1, 5), st.data())
def test_each_status_is_due_once_and_in_order_however_it_becomes_known(
    life: tuple[str, ...], begins: int, data: st.DataObject
) -> None:
    """Contract: every status change, from the first, in order, none twice."""
    order, changes = whole(life, begins)
    known: list[StatusChange] = []
    told: list[StatusChange] = []
    after = 0
    for change in data.draw(st.permutations(changes)):
        known.append(change)
        view = OrderView(order, list(known))
        new = history.due(view, after)
        told += new
        after = new[-1].version if new else after
        again = data.draw(st.booleans())
        assert not again or history.due(view, after) == []
    assert told == changes
    assert history.is_over(OrderView(order, known), after) == (changes[-1].status in FINAL)


@given(stories, st.integers(0, 9))
def test_who_resumes_gets_what_follows(life: tuple[str, ...], after: int) -> None:
    """Last-Event-ID: nothing twice, nothing missed; a number that never was brings nothing."""
    order, changes = whole(life, 1)
    assert history.due(OrderView(order, changes), after) == changes[after:]


def test_an_earlier_life_under_the_same_key_is_not_told() -> None:
    """An expired key makes a new order under the same id, whose versions go on (README, decision 2)."""
    order, changes = whole(("preparing",), 4)
    earlier = [StatusChange("cancelled", AT, 2), StatusChange("delivered", AT, 3)]
    view = OrderView(order, [*earlier, *changes])
    assert history.due(view, 0) == changes == history.due(view, 2)
    assert not history.is_over(view, 6)


def test_a_refund_after_the_end_is_no_status() -> None:
    """The stream has ended by then; the order itself shows it."""
    story = Story()
    story.order(True, ("cancelled", "refunded"))
    changes = [StatusChange(s, AT, n) for n, s in enumerate(("pending", "received", "cancelled"), 1)]
    view = OrderView(story.orders["o1"], changes)
    assert view.order.version == 4 and history.due(view, 0) == changes and history.is_over(view, 3)
