"""The comparison of the provider's books with the facts: consistent histories are equal, each planted difference shows."""

import random
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egress.reconcile.books import Movement
from egress.reconcile.payment_store import PaymentStore
from egress.reconcile.report import HEADER, MAX_LINES, ReconcileReport
from egress.reconcile.window import OVERLAP_MS, ReconcileWindow
from schemas.orders import Order
from schemas.timestamps import EpochMs, from_text
from tests.support.payments.orders import TOTAL, movement, order_state

NOW = 1_800_000_000_000
HOUR = 3_600_000
DAY = 24 * HOUR
OLD = NOW - HOUR
GRACE = 300_000
RESERVATION = 120_000
ALL = ReconcileWindow(EpochMs(0), EpochMs(NOW), GRACE, RESERVATION)

Side = tuple[list[Order], list[Movement]]


def lived(name: str, payment: str = "p", at: int = OLD, created_at: int | None = None) -> Side:
    """Return facts and books of one payment whose two sides agree; `at`: when all but its creation happened."""
    created = at if created_at is None else created_at
    taken, given_back = movement(payment, "taken", created), movement(payment, "given_back", at)

    def state(status: str, version: int, when: int = at, **more: object) -> Order:
        return order_state(f"o_{payment}", status, version, created, when, payment_id=payment, **more)  # type: ignore[arg-type]

    pending = state("pending", 1, created)
    confirmed = state("received", 2, created, paid=True)
    failed = state("cancelled", 2)
    cancelled = state("cancelled", 3, paid=True, refund="pending")
    refunded = state("cancelled", 4, paid=True, refund="refunded")
    sides: dict[str, Side] = {
        "confirmed": ([pending, confirmed], [taken]),
        "declined": ([pending, failed], []),
        "expired, never taken": ([pending, failed], []),
        "expired, taken and given back": (
            [pending, failed, state("cancelled", 3, refund="refunded")],
            [taken, given_back],
        ),
        "cancelled and given back": ([pending, confirmed, cancelled, refunded], [taken, given_back]),
        "cash": ([state("pending", 1, method="cash"), state("received", 2, method="cash")], []),
    }
    return sides[name]


HISTORIES = (
    "confirmed",
    "declined",
    "expired, never taken",
    "expired, taken and given back",
    "cancelled and given back",
    "cash",
)


def compare(
    orders: Iterable[Order], movements: Iterable[Movement], window: ReconcileWindow = ALL
) -> dict[str, set[str]]:
    """Return the differences of each payment that has some."""
    with PaymentStore() as store:
        store.add_orders(orders)
        store.add_movements(movements)
        found = {p.payment_id: set(p.differences()) for p in store.payments(window)}
    return {payment: kinds for payment, kinds in found.items() if kinds}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(HISTORIES), max_size=12), st.randoms(use_true_random=False))
def test_agreeing_sides_have_no_difference(histories: list[str], rng: random.Random) -> None:
    """Any number of payments, read in any order: topics are read side by side, and pages after them."""
    sides = [lived(name, f"p{n}") for n, name in enumerate(histories)]
    orders = [order for side, _ in sides for order in side]
    movements = [one for _, side in sides for one in side]
    rng.shuffle(orders)
    rng.shuffle(movements)
    assert compare(orders, movements) == {}


def taken(amount: int = TOTAL) -> Movement:
    return movement("p", "taken", OLD, amount)


def given_back(amount: int = TOTAL) -> Movement:
    return movement("p", "given_back", OLD, amount)


PLANTED: dict[str, tuple[str | None, list[Movement], set[str]]] = {
    "taken twice": ("confirmed", [taken(), taken()], {"taken-twice"}),
    "taken twice, given back once": ("cancelled and given back", [taken(), taken(), given_back()], {"taken-twice"}),
    "another amount taken": ("confirmed", [taken(1)], {"amount-differs"}),
    "another amount given back": ("cancelled and given back", [taken(), given_back(1)], {"amount-differs"}),
    "refund missing": ("cancelled and given back", [taken()], {"refund-missing"}),
    "refund of an expired payment missing": ("expired, never taken", [taken()], {"refund-missing"}),
    "refund of a standing order": ("confirmed", [taken(), given_back()], {"refund-not-owed"}),
    "refund of what was not taken": ("expired, taken and given back", [given_back()], {"not-taken", "refund-not-taken"}),
    "refunded twice": ("cancelled and given back", [taken(), given_back(), given_back()], {"refund-not-taken"}),
    "refund without a fact": ("declined", [taken(), given_back()], {"refund-not-in-facts"}),
    "payment that no fact knows": (None, [taken()], {"unknown-payment"}),
    "payment of an order paid in cash": ("cash", [taken()], {"unknown-payment"}),
    "paid, and not in the books": ("confirmed", [], {"not-taken"}),
}  # fmt: skip


@pytest.mark.parametrize("plant", PLANTED)
def test_each_planted_difference_is_found(plant: str) -> None:
    """By its name, and nowhere else."""
    history, movements, expected = PLANTED[plant]
    others = lived("confirmed", "other")
    orders = lived(history)[0] if history else []
    assert compare([*orders, *others[0]], [*movements, *others[1]]) == {"p": expected}


def test_a_refund_that_waits_is_missing_after_the_grace() -> None:
    """The provider was away for longer than that: the money is owed."""
    orders, _ = lived("cancelled and given back")
    assert compare(orders[:-1], [taken()]) == {"p": {"refund-missing"}}


@pytest.mark.parametrize("side", ["facts", "books"])
def test_what_changed_in_the_grace_is_no_difference(side: str) -> None:
    """The other side follows in seconds."""
    for at, differs in ((NOW - GRACE, True), (NOW - GRACE + 1, False)):
        orders, movements = lived("confirmed", at=at)
        found = compare(orders, []) if side == "facts" else compare([], movements)
        assert bool(found) == differs


def test_an_open_reservation_is_no_difference() -> None:
    """Its payment may be taken and the order not decided yet."""
    for created, differs in ((NOW - GRACE - RESERVATION, True), (NOW - GRACE - RESERVATION + 1, False)):
        pending = order_state("o", "pending", 1, created, created, payment_id="p")
        assert bool(compare([pending], [movement("p", "taken", created)])) == differs


def test_a_payment_of_an_older_release_has_the_id_of_its_order() -> None:
    """Facts without a payment id agree with books by the order's id."""
    pending = order_state("p", "pending", 1, OLD, OLD)
    confirmed = order_state("p", "received", 2, OLD, OLD, paid=True)
    assert compare([pending, confirmed], [taken()]) == {}
    assert compare([pending, confirmed], []) == {"p": {"not-taken"}}


def test_two_lives_of_an_order_are_two_payments() -> None:
    """Each owes for itself: what one was given back does not pay for the other."""
    first, second = lived("cancelled and given back", "p1"), lived("confirmed", "p2")
    orders = [*first[0], *second[0]]
    assert compare(orders, [*first[1], *second[1]]) == {}
    assert compare(orders, [first[1][0], second[1][0], movement("p2", "given_back", OLD)]) == {
        "p1": {"refund-missing"},
        "p2": {"refund-not-owed"},
    }


# a daily run reads the last days, and orders that are older show in part


SINCE = ReconcileWindow(EpochMs(NOW - DAY), EpochMs(NOW), GRACE, RESERVATION)


def windowed(
    orders: Iterable[Order], movements: Iterable[Movement], window: ReconcileWindow = SINCE
) -> dict[str, set[str]]:
    """Compare what a run with this window reads."""
    start = window.read_from
    return compare(
        [o for o in orders if from_text(o.updated_at) >= start],
        [m for m in movements if m.at >= start],
        window,
    )


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("created", [NOW - 9 * DAY, NOW - DAY - OVERLAP_MS, NOW - DAY - 1, NOW - DAY, OLD])
def test_an_older_order_that_changed_lately_agrees(history: str, created: int) -> None:
    """Its payment was taken before the window; only what happened since can be compared."""
    assert windowed(*lived(history, at=OLD, created_at=created)) == {}


def test_an_older_order_is_owed_its_refund() -> None:
    """It was cancelled in the window and nothing was given back; or given back, and no fact says so."""
    orders, (_, returned) = lived("cancelled and given back", created_at=NOW - 9 * DAY)
    assert windowed(orders[:-1], []) == windowed(orders, []) == {"p": {"refund-missing"}}
    assert windowed([], [returned]) == {"p": {"refund-not-in-facts"}}
    assert windowed(orders, [returned, returned]) == {"p": {"refund-not-taken"}}
    assert windowed([orders[1], orders[3]], [returned]) == {}


def test_what_ended_before_the_window_is_left_out() -> None:
    """An earlier run has compared it."""
    orders, _ = lived("confirmed", at=NOW - DAY - 1)
    assert windowed(orders, []) == {}
    orders, _ = lived("confirmed", at=NOW - DAY)
    assert windowed(orders, []) == {"p": {"not-taken"}}


def test_a_day_has_the_orders_of_that_day() -> None:
    """With the refunds of the day after; other days have runs of their own."""
    start = NOW - 9 * DAY
    day = ReconcileWindow(EpochMs(start), EpochMs(NOW), GRACE, RESERVATION, day=True)
    for created, differs in (
        (start - 1, False),
        (start, True),
        (start + DAY - 1, True),
        (start + DAY, False),
    ):
        orders, _ = lived("confirmed", at=created)
        assert bool(windowed(orders, [], day)) == differs
    late = lived("cancelled and given back", at=start + DAY + HOUR, created_at=start + DAY - 1)
    assert windowed(*late, day) == {}
    assert day.read_until == start + 2 * DAY


def test_the_report_counts_all_and_prints_some() -> None:
    """A provider that lost its books must not fill the log with millions of lines."""
    with PaymentStore() as store:
        for n in range(MAX_LINES + 5):
            store.add_orders(lived("confirmed", f"p{n}")[0])
        store.add_movements([taken()])
        report = ReconcileReport()
        lines = list(report.lines(store.payments(ALL)))
    assert lines[0] == HEADER and len(lines) == 1 + MAX_LINES
    assert lines[1].split("\t") == ["not-taken", "p0", "o_p0", "r1", "0", "0", "990", "0", "0"]
    assert report.summary() == "1006 payments compared, 1006 differ; not-taken 1005, unknown-payment 1"
    assert report.exit_status == 1


@pytest.mark.parametrize(("unreadable", "status"), [(0, 0), (1, 2)])
def test_a_fact_that_cannot_be_read_is_no_success(unreadable: int, status: int) -> None:
    """It may be a cancellation with money owed, so the exit status is that of a failed comparison."""
    report = ReconcileReport()
    report.unreadable_facts = unreadable
    assert report.exit_status == status
