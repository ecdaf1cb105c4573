"""Planted bugs of the buckets, and the laws that must catch them by name."""

from collections.abc import Iterator
from unittest.mock import patch

from msgspec.structs import replace

from schemas import buckets
from schemas.commands import LendPortions, OfferPortions
from streams.domain import reservation
from streams.domain.escrow import activation, borrowing, catalogue_replication, inbox, lending, routing
from streams.domain.escrow.unit_of_work import UnitOfWork
from tables.registry import ROUTED_KEYS
from tests.escrow.harness import EscrowHarness
from tests.support.planting import Mutants

MUTANTS = Mutants()
mutant = MUTANTS.caught_by


@mutant("each-transfer-once", "portions-are-conserved")
def receive_a_transfer_twice() -> Iterator[None]:
    """The number of a response is not checked."""
    original = borrowing.on_lend

    def on_lend(work, lend, before_serving):
        peer = work.peer(lend.lender)
        if not peer.has_open_request and lend.grants:
            work.set_peer(lend.lender, replace(peer, last_request=lend.number, last_received=lend.number - 1))
        original(work, lend, before_serving)

    with patch.object(inbox.borrowing, "on_lend", on_lend):
        yield


@mutant("each-transfer-once", "portions-are-conserved")
def lend_again_on_a_repeated_request() -> Iterator[None]:
    """The lender does not store its response."""
    original = lending.lend

    def lend(work, request):
        peer = work.peer(request.borrower)
        work.set_peer(request.borrower, replace(peer, last_response=None))
        original(work, request)

    with patch.object(inbox.lending, "lend", lend):
        yield


@mutant("no-transfer-is-lost", "no-order-waits-indefinitely", "portions-are-conserved")
def lose_a_transfer_in_flight() -> Iterator[None]:
    """Portions leave, and the command that brings them is not sent."""
    original = UnitOfWork.send

    def send(self, forwarded):
        if not isinstance(forwarded.command, LendPortions) or not forwarded.command.grants:
            original(self, forwarded)

    with patch.object(UnitOfWork, "send", send):
        yield


@mutant("portions-are-conserved", "each-transfer-once")
def lend_without_removing() -> Iterator[None]:
    with patch.object(lending.pools, "transfer_out", lambda *_: None):
        yield


@mutant("portions-are-conserved", "never-oversold")
def lend_more_than_is_free() -> Iterator[None]:
    original = lending._quantity

    def quantity(work, borrower, wanted, older_claims):
        lent, withholds = original(work, borrower, wanted, older_claims)
        return max(lent, wanted.missing), withholds

    with patch.object(lending, "_quantity", quantity):
        yield


@mutant("a-put-is-the-whole-number")
def put_portions_as_if_none_were_lent() -> Iterator[None]:
    original = catalogue_replication.put_menu_item
    with patch.object(catalogue_replication, "put_menu_item", lambda *args: original(*args[:-1])):
        yield


@mutant("no-refusal-with-portions-elsewhere")
def refuse_without_a_round() -> Iterator[None]:
    with patch.object(routing.waitlist, "is_full", lambda work: True):
        yield


@mutant("no-refusal-with-portions-elsewhere")
def do_not_report_withheld_portions() -> Iterator[None]:
    """Two buckets refuse orders in turn, and each keeps its portions for an older order."""
    original = lending._quantity

    def quantity(work, borrower, wanted, older_claims):
        return original(work, borrower, wanted, older_claims)[0], False

    with patch.object(lending, "_quantity", quantity):
        yield


@mutant("one-order-per-key")
def choose_the_bucket_by_customer() -> Iterator[None]:
    """A repeated key with another customer falls to another bucket."""

    def place_order(self, order, caller):
        number = buckets.choose(order.customer.id, self.count)
        self.decide(replace(order, restaurant_id=buckets.bucket("r1", number)), caller)

    with patch.object(EscrowHarness, "place_order", place_order):
        yield


@mutant("one-order-per-key")
def forget_where_a_key_was_forwarded() -> Iterator[None]:
    """An order that the home decided while the bucket was closed is decided again when it is open."""
    original = routing._forward

    def forward(work, command, to, reply_to):
        decision = original(work, command, to, reply_to)
        kept = tuple(change for change in decision.state_changes if change.table is not ROUTED_KEYS)
        return replace(decision, state_changes=kept)

    with patch.object(routing, "_forward", forward):
        yield


@mutant("limits-hold")
def count_a_limit_where_the_key_falls() -> Iterator[None]:
    """A customer with keys in several buckets has as many limits."""
    with patch.object(routing, "_possible_offers", lambda work, command: iter(())):
        yield


@mutant("no-next-offer-with-portions-elsewhere")
def take_the_next_offer_without_a_round() -> Iterator[None]:
    """A bucket that has none of the cheapest promotion's portions charges more, though others have some."""
    original = reservation.current_offer

    def current_offer(state, restaurant_id, stock, now, buckets=1):
        return original(state, restaurant_id, stock, now)

    with patch.object(reservation, "current_offer", current_offer):
        yield


@mutant("no-next-offer-with-portions-elsewhere")
def rely_on_an_inconclusive_round() -> Iterator[None]:
    """Portions that were withheld or in flight count as gone."""
    original = borrowing.finish_round

    def finish_round(work):
        borrowing.sold_out.record(work, work.escrow.round.pools)
        original(work)

    with patch.object(borrowing, "finish_round", finish_round):
        yield


@mutant("a-put-is-the-whole-number")
def raise_portions_to_what_is_reserved() -> Iterator[None]:
    """Portions that are no longer offered are offered again when an order is cancelled."""
    original = catalogue_replication.put_menu_item

    def put(*args):
        decision = original(*args)
        facts = [
            replace(f, stocks=[replace(s, portions=max(s.portions, s.reserved + s.wasted)) for s in f.stocks])
            for f in decision.facts
        ]
        return replace(decision, facts=tuple(facts))

    with patch.object(catalogue_replication, "put_menu_item", put):
        yield


@mutant("nothing-is-stranded")
def keep_portions_when_closed() -> Iterator[None]:
    with patch.object(activation, "offer_portions", lambda work: False):
        yield


@mutant("no-order-waits-indefinitely")
def wait_for_a_silent_peer() -> Iterator[None]:
    """A response that never comes keeps orders waiting."""
    original = UnitOfWork.send

    def send(self, forwarded):
        command = forwarded.command
        if not isinstance(command, LendPortions | OfferPortions) or command.lender != "r1#1":
            original(self, forwarded)

    with patch.object(borrowing, "on_timer", lambda work: None), patch.object(UnitOfWork, "send", send):
        yield
