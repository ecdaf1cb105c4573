"""The menu in every bucket: the home decides a PUT, and replicates it to the others; the newest version wins."""

from collections.abc import Mapping

from msgspec.structs import replace

from schemas.catalogue import Allotment, Item, Stock
from schemas.commands import CatalogueCommand, PutMenuItem, PutPromotion, PutRestaurant, ReplicateCatalogue
from schemas.timestamps import EpochMs
from streams.domain import promotion_runs
from streams.domain.catalogue import (
    make_profile,
    make_promotion,
    put_menu_item,
    put_promotion,
    put_restaurant,
)
from streams.domain.decision import Decision, ForwardedCommand, Policy
from streams.domain.escrow import pools, recall
from streams.domain.escrow.unit_of_work import UnitOfWork
from streams.domain.state import Change, State
from tables.registry import ITEMS, PROMOTIONS, RESTAURANTS, STOCKS, key


def put(state: State, command: CatalogueCommand, now: EpochMs, policy: Policy) -> Decision:
    """Decide a PUT at the home, and send it to the other buckets.

    Portions are the whole number offered, so the home's own share is what the other buckets do not have of it.
    """
    work = UnitOfWork(state, command.restaurant_id, now, policy)
    if isinstance(command, PutRestaurant):
        decision = put_restaurant(state, command, now)
        if command.restaurant_id not in state[RESTAURANTS]:
            work.update(created_with_buckets=True, is_open=True)
    elif isinstance(command, PutMenuItem):
        decision = put_menu_item(state, command, now, policy, work.escrow.net_received)
    else:
        pools.forget_retired(work)
        decision = put_promotion(state, command, now, policy, work.escrow.net_received)
    reply = work.merge(decision)
    if reply is not None and reply.answer.version and decision.facts:
        counted_from = EpochMs(0)
        if isinstance(command, PutPromotion):
            promotion_key = key(command.restaurant_id, command.promotion_id)
            counted_from = work.state[PROMOTIONS][promotion_key].counted_from
        for bucket in work.others:
            replicated = ReplicateCatalogue(bucket, command, reply.answer.version, counted_from)
            work.send(ForwardedCommand(replicated))
    if reply is not None and not isinstance(command, PutRestaurant):
        recall.record_shortfall(work, command)
        if work.escrow.round is not None:
            # with fewer portions, this bucket now misses more than it has requested in its round (S4c)
            work.update(round=replace(work.escrow.round, is_inconclusive=True))
    return work.decision(reply)


def replicate(work: UnitOfWork, command: ReplicateCatalogue) -> None:
    """Store what was put at the home, unless this bucket has a newer version; portions come only by transfers."""
    match command.put:
        case PutRestaurant() as put_:
            _replicate_restaurant(work, put_, command.version)
        case PutMenuItem() as put_:
            _replicate_item(work, put_, command.version)
        case PutPromotion() as put_:
            _replicate_promotion(work, put_, command)


def _replicate_restaurant(work: UnitOfWork, put_: PutRestaurant, version: int) -> None:
    before = work.state[RESTAURANTS].get(work.bucket)
    if version == 1 and not work.escrow.created_with_buckets:
        is_open = work.policy.open_rate == 0
        work.update(created_with_buckets=True, is_open=is_open, window_started_at=work.now)
    if before is None or before.version < version:
        after = make_profile(replace(put_, restaurant_id=work.bucket), version)
        work.change_state(Change(RESTAURANTS, key(work.bucket), after))


def _replicate_item(work: UnitOfWork, put_: PutMenuItem, version: int) -> None:
    item_key = key(work.bucket, put_.sku)
    before = work.state[ITEMS].get(item_key)
    if before is not None and before.version >= version:
        return
    after = Item(put_.sku, put_.name, put_.description, put_.category, put_.price, version)
    work.change_state(Change(ITEMS, item_key, after))
    _record_run_out(work, {put_.sku: put_.portions})
    stock = work.state[STOCKS].get(item_key)
    if stock is None:
        new_stock = Stock(put_.sku, 0, None if put_.portions is None else 0)
        work.change_state(Change(STOCKS, item_key, new_stock))
    elif stock.portions is None and put_.portions is not None:
        limited = replace(stock, portions=0)  # what was reserved here before is not free again
        work.change_state(Change(STOCKS, item_key, limited))


def _replicate_promotion(work: UnitOfWork, put_: PutPromotion, command: ReplicateCatalogue) -> None:
    promotion_key = key(work.bucket, put_.promotion_id)
    before = work.state[PROMOTIONS].get(promotion_key)
    if before is not None and before.version >= command.version:
        return
    pools.forget_retired(work)
    if before is not None and before.counted_from != command.counted_from:
        pools.forget_run(work, before)
    after = make_promotion(put_, command.version, command.counted_from)
    work.change_state(Change(PROMOTIONS, promotion_key, replace(after, phase=after.phase_at(work.now))))
    _record_run_out(work, {pools.pool_name(i.sku, put_.promotion_id): i.portions for i in put_.items})
    for item in put_.items:
        stock_key = key(work.bucket, item.sku)
        stock = work.state[STOCKS].get(stock_key)
        if stock is None or put_.promotion_id in stock.allotments:
            continue
        stock = promotion_runs.drop_retired(work.state, work.bucket, stock, work.now, work.policy)
        allotment = Allotment(None if item.portions is None else 0)
        allotments = {**stock.allotments, put_.promotion_id: allotment}
        work.change_state(Change(STOCKS, stock_key, replace(stock, allotments=allotments)))


def _record_run_out(work: UnitOfWork, put_: Mapping[str, int | None]) -> None:
    """Record the pools of which 0 portions were put; what is known of their offers counts no more."""
    earlier = {n: at for n, at in work.escrow.run_out.items() if n not in put_ and not _is_over(work, n)}
    run_out = earlier | {name: work.now for name, portions in put_.items() if portions == 0}
    sold_out = {name: until for name, until in work.escrow.sold_out_until.items() if name not in put_}
    if (run_out, sold_out) != (work.escrow.run_out, work.escrow.sold_out_until):
        work.update(run_out=run_out, sold_out_until=sold_out)


def _is_over(work: UnitOfWork, name: str) -> bool:
    """Return True for a pool of a promotion that has ended."""
    _, promotion_id = pools.parse_pool_name(name)
    if promotion_id is None:
        return False
    promotion = work.state[PROMOTIONS].get(key(work.bucket, promotion_id))
    return promotion is None or promotion.ends_at <= work.now
