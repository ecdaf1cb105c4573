"""Promotions of which no bucket has portions left: an item falls to its next offer only then (README, N1-N3)."""

from collections.abc import Iterable

from schemas.commands import PortionGrant, PortionRequest
from schemas.timestamps import EpochMs
from streams.domain.escrow import pools
from streams.domain.escrow.unit_of_work import UnitOfWork

#: How long a bucket relies on a round that found no portions of a promotion (N3).
SOLD_OUT_MS = 1_000


def lacking_pools(requests: Iterable[PortionRequest], grants: Iterable[PortionGrant]) -> list[str]:
    """Return the pools of promotions of which fewer portions were granted than are missing."""
    granted = {(grant.sku, grant.promotion_id): grant.quantity for grant in grants}
    return [
        pools.pool_name(r.sku, r.promotion_id)
        for r in requests
        if r.promotion_id and r.missing > granted.get((r.sku, r.promotion_id), 0)
    ]


def record(work: UnitOfWork, names: Iterable[str]) -> set[str]:
    """Record those of the pools that have no portions here either, and return the skus whose offer is now another.

    To be called after a conclusive round, in which every response had fewer portions of these pools than are missing.
    """
    empty = [name for name in names if (left := pools.pool_balance(work, name)) is not None and left <= 0]
    if not empty:
        return set()
    until = EpochMs(work.now + SOLD_OUT_MS)
    still = {name: at for name, at in work.escrow.sold_out_until.items() if at > work.now}
    work.update(sold_out_until=still | dict.fromkeys(empty, until))
    work.store_record()
    return {
        sku
        for sku, promotion_id in map(pools.parse_pool_name, empty)
        if pools.governing_promotion(work, sku) != promotion_id
    }
