"""A bucket opens when it is hot and closes when it is not; closed, it passes orders on to its home.

It decides that for itself: nobody has to agree, since each key's bucket is always the same.
"""

from schemas.commands import OfferPortions, Want
from streams.domain.decision import Onward
from streams.domain.escrow import pools
from streams.domain.escrow.desk import Desk
from tables.registry import SEPARATOR, key

#: Length of a window in which orders are counted, in milliseconds.
WINDOW_MS = 1_000
#: A bucket is quiet at this part of the rate at which it opens, and closes after so many quiet windows.
QUIET = 0.25
QUIET_WINDOWS = 10


def arrive(desk: Desk) -> None:
    """Count an order."""
    turn(desk)
    desk.change(arrived=desk.escrow.arrived + 1)


def turn(desk: Desk) -> None:
    """Begin a new window when this one is over, and open or close by what came in it."""
    escrow = desk.escrow
    lasted = desk.now - escrow.window_at
    if lasted < WINDOW_MS:
        return
    rate = escrow.arrived * 1000 / lasted
    hot = escrow.fresh and rate >= desk.policy.open_rate
    quiet = 0 if rate >= desk.policy.open_rate * QUIET else escrow.quiet + 1
    open_ = hot or (escrow.open and quiet < QUIET_WINDOWS)
    desk.change(window_at=desk.now, arrived=0, quiet=quiet, open=open_)
    if open_ and desk.policy.open_rate:
        desk.look_again()  # time alone is to close it
    elif escrow.open and not open_:
        offer(desk)


def offer(desk: Desk) -> bool:
    """Offer the home what is free here, and say whether anything is; a transfer holds one pool of each item."""
    wants: dict[str, Want] = {}
    for name in sorted(desk.escrow.net, key=lambda name: SEPARATOR not in name):
        sku, _, promotion_id = name.partition(SEPARATOR)
        free = pools.free(desk, sku, promotion_id or None)
        stock = desk.state.stocks.get(key(desk.me, sku))
        if free and stock and sku not in wants and sku not in desk.escrow.claims:
            wants[sku] = Want(sku, 0, 0, promotion_id or None)
    if wants:
        desk.send(Onward(OfferPortions(desk.home, desk.me, list(wants.values()))))
        desk.look_again()
    return bool(wants)
