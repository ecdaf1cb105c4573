"""A bucket opens when it is busy and closes when it is idle (README, R4).

Each bucket decides for itself: a key always falls to the same bucket, so no other bucket has to agree.
"""

from collections.abc import Iterable

from schemas.commands import OfferPortions, PortionRequest
from schemas.facts import StockReleased
from streams.domain.decision import ForwardedCommand
from streams.domain.escrow import pools
from streams.domain.escrow.unit_of_work import UnitOfWork

#: Length of a window in which orders are counted.
WINDOW_MS = 1_000
#: A window is idle below this share of the opening rate; a bucket closes after so many idle windows in a row.
IDLE_SHARE = 0.25
MAX_IDLE_WINDOWS = 10


def record_arrival(work: UnitOfWork) -> None:
    """Count an order."""
    roll_window(work)
    work.update(arrivals=work.escrow.arrivals + 1)


def roll_window(work: UnitOfWork) -> None:
    """If the window is over, start the next one, and open or close by the rate of orders in it."""
    escrow = work.escrow
    elapsed_ms = work.now - escrow.window_started_at
    if elapsed_ms < WINDOW_MS:
        return
    rate = escrow.arrivals * 1000 / elapsed_ms
    is_busy = escrow.created_with_buckets and rate >= work.policy.open_rate
    idle_windows = 0 if rate >= work.policy.open_rate * IDLE_SHARE else escrow.idle_windows + 1
    is_open = is_busy or (escrow.is_open and idle_windows < MAX_IDLE_WINDOWS)
    work.update(window_started_at=work.now, arrivals=0, idle_windows=idle_windows, is_open=is_open)
    if is_open and work.policy.open_rate:
        work.schedule_timer()  # without orders, only a timer can close it
    elif escrow.is_open and not is_open:
        offer_portions(work)


def offer_portions(work: UnitOfWork) -> bool:
    """Offer the home the portions that are free here; return True if there are any."""
    offers: dict[str, PortionRequest] = {}
    for name in pools.allotments_first(work.escrow.net_received):
        sku, promotion_id = pools.parse_pool_name(name)
        free = pools.free_portions(work, sku, promotion_id)
        if free and sku not in offers and sku not in work.escrow.claims:
            offers[sku] = PortionRequest(sku, 0, 0, promotion_id)
    if offers:
        work.send(ForwardedCommand(OfferPortions(work.home, work.bucket, list(offers.values()))))
        work.schedule_timer()
    return bool(offers)


def offer_released(work: UnitOfWork, releases: Iterable[StockReleased]) -> None:
    """Offer the home what orders here have released: it may have put fewer portions than are reserved."""
    offers = [
        PortionRequest(item.sku, 0, 0, item.promotion_id)
        for release in releases
        for item in release.items
        if pools.free_portions(work, item.sku, item.promotion_id)
    ]
    if offers:
        work.send(ForwardedCommand(OfferPortions(work.home, work.bucket, offers, released=True)))
