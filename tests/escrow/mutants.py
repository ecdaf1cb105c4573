"""Planted bugs of the buckets, and the laws that must catch them by name."""

from collections.abc import Iterator
from unittest.mock import patch

from msgspec.structs import replace

from schemas import buckets
from streams.domain.escrow import asking, exchange, heat, lending, mirroring, placing
from streams.domain.escrow.desk import Desk
from tests.escrow.town import Town
from tests.planting import Mutants

MUTANTS = Mutants()
mutant = MUTANTS.caught_by


@mutant("each-transfer-once", "portions-are-conserved")
def take_a_transfer_in_twice() -> Iterator[None]:
    """The number of an answer is not looked at."""
    original = asking.hear

    def hear(desk, lend, first):
        peer = desk.peer(lend.lender)
        if not peer.is_awaited and lend.given:
            desk.set_peer(lend.lender, replace(peer, asked=lend.number, heard=lend.number - 1))
        original(desk, lend, first)

    with patch.object(exchange.asking, "hear", hear):
        yield


@mutant("each-transfer-once", "portions-are-conserved")
def answer_an_ask_that_comes_again_with_more() -> Iterator[None]:
    """The lender forgets what it has answered."""
    original = lending.lend

    def lend(desk, ask):
        peer = desk.peer(ask.asker)
        desk.set_peer(ask.asker, replace(peer, answer=None))
        original(desk, ask)

    with patch.object(exchange.lending, "lend", lend):
        yield


@mutant("no-transfer-is-lost", "nobody-waits-for-ever", "portions-are-conserved")
def lose_a_transfer_in_flight() -> Iterator[None]:
    """Portions leave, and the command that brings them is not sent."""
    original = Desk.send

    def send(self, onward):
        if not getattr(onward.command, "given", None):
            original(self, onward)

    with patch.object(Desk, "send", send):
        yield


@mutant("portions-are-conserved", "each-transfer-once")
def lend_without_taking_out() -> Iterator[None]:
    with patch.object(lending.pools, "move_out", lambda *_: None):
        yield


@mutant("portions-are-conserved", "never-oversold")
def lend_more_than_is_free() -> Iterator[None]:
    original = lending._quantity

    def quantity(desk, asker, want, older):
        given, kept = original(desk, asker, want, older)
        return max(given, want.missing), kept

    with patch.object(lending, "_quantity", quantity):
        yield


@mutant("what-is-put-is-the-whole")
def put_portions_as_if_nothing_was_lent() -> Iterator[None]:
    original = mirroring.put_menu_item
    with patch.object(
        mirroring, "put_menu_item", lambda state, command, now, net: original(state, command, now)
    ):
        yield


@mutant("nobody-is-refused-what-lies-elsewhere")
def refuse_without_asking() -> Iterator[None]:
    with patch.object(placing.parking, "is_full", lambda desk: True):
        yield


@mutant("nobody-is-refused-what-lies-elsewhere")
def keep_for_nobody_who_waits_longer() -> Iterator[None]:
    """Two buckets take each other's portions in turn until neither has tried often enough."""
    original = lending._quantity
    with patch.object(
        lending, "_quantity", lambda desk, asker, want, older: (original(desk, asker, want, older)[0], False)
    ):
        yield


@mutant("one-order-per-key")
def choose_the_bucket_by_customer() -> Iterator[None]:
    """A key that comes with another customer lands elsewhere."""

    def ask_for(self, order, asker):
        number = buckets.choose(order.customer.id, self.count)
        self.tell(replace(order, restaurant_id=buckets.bucket("r1", number)), asker)

    with patch.object(Town, "ask_for", ask_for):
        yield


@mutant("one-order-per-key")
def forget_where_a_key_was_passed_on_to() -> Iterator[None]:
    """What was decided at the home while the bucket was closed is decided again when it is open."""
    original = placing._pass_on

    def pass_on(desk, command, to, asker):
        decision = original(desk, command, to, asker)
        return replace(decision, notes=tuple(n for n in decision.notes if n.table.name != "passed"))

    with patch.object(placing, "_pass_on", pass_on):
        yield


@mutant("limits-hold")
def count_a_limit_where_the_key_falls() -> Iterator[None]:
    """A customer with keys in several buckets has as many limits."""
    with patch.object(placing, "_is_limited", lambda desk, command: False):
        yield


@mutant("nothing-is-stranded")
def keep_portions_when_closed() -> Iterator[None]:
    with (
        patch.object(heat, "offer", lambda desk: False),
        patch.object(exchange.heat, "offer", lambda desk: False),
    ):
        yield


@mutant("nobody-waits-for-ever")
def wait_for_who_is_silent() -> Iterator[None]:
    """An answer that never comes holds orders for ever."""
    original = Desk.send

    def send(self, onward):
        if getattr(onward.command, "lender", "") != "r1#1":
            original(self, onward)

    with patch.object(asking, "look", lambda desk: None), patch.object(Desk, "send", send):
        yield
