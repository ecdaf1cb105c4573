"""Give portions to another bucket that asks: once for each ask, however often it comes."""

from msgspec.structs import replace

from schemas.commands import AskPortions, Given, LendPortions, Want
from streams.domain.decision import Onward
from streams.domain.escrow import parking, pools
from streams.domain.escrow.desk import Desk
from tables.registry import key

#: What an unlimited stock lends at a time.
PLENTY = 10_000


def lend(desk: Desk, ask: AskPortions) -> None:
    """Answer an ask: with nothing, with what is missing, or with a fair share.

    An ask that comes again gets the same answer again, which its asker knows by its number; one from
    before gets none.
    """
    peer = desk.peer(ask.asker)
    if peer.answer is not None and ask.number <= peer.answer.number:
        if ask.number == peer.answer.number:
            desk.send(Onward(peer.answer))
        return
    given: list[Given] = []
    kept = False
    older = parking.claims_before(desk, ask.since, ask.asker)
    for want in ask.wants:
        quantity, had_more = _quantity(desk, ask.asker, want, older.get(want.sku, 0))
        kept = kept or had_more
        if quantity:
            given.append(Given(want.sku, quantity, want.promotion_id))
    pools.move_out(desk, ask.asker, ask.number, given)
    answer = LendPortions(
        restaurant_id=ask.asker,
        lender=desk.me,
        number=ask.number,
        given=given,
        kept=kept,
        lent={n: p.gave for n, p in desk.escrow.peers.items() if p.gave and n != ask.asker},
        heard={n: p.heard for n, p in desk.escrow.peers.items() if p.heard},
    )
    round_ = desk.escrow.round
    if given and round_ is not None:
        # the others were asked for less than is missing now: what they say is not the last word
        desk.change(round=replace(round_, doubtful=True))
    gave = ask.number if given else peer.gave
    desk.set_peer(ask.asker, replace(desk.peer(ask.asker), answer=answer, gave=gave))
    desk.send(Onward(answer))


def _quantity(desk: Desk, asker: str, want: Want, older: int) -> tuple[int, bool]:
    """Return how many to give, and whether some that are missing there are kept for orders that wait longer.

    Orders that wait for less long here than there do not hold portions back from what is missing
    there, but from a fair share. A bucket that is closed gives its home all.
    """
    stock = desk.state.stocks.get(key(desk.me, want.sku))
    free = pools.free(desk, want.sku, want.promotion_id)
    if stock is None or free == 0:
        return 0, False
    if free is None:
        # nothing bounds it here; what is asked for as limited there is lent freely, and counted
        return (max(want.missing, PLENTY) if want.missing else 0), False
    kept = min(free, older)
    missing = min(want.missing, free - kept)
    spare = max(0, free - max(older, desk.escrow.claims.get(want.sku, 0)))
    if asker == desk.home and not desk.escrow.open:
        share = spare
    else:
        share = min(spare, max(0, free - want.free) // desk.policy.buckets)
    return max(missing, share), kept > 0 and missing < want.missing
