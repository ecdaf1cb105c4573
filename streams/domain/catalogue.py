"""Put a restaurant, a menu item, a promotion: the command replaces the entry, except for what is reserved.

Portions are the whole number offered, sold ones included, so a repeated PUT adds nothing. The number stays what was
put, also if more are reserved: a release then frees none of them.
"""

from collections.abc import Iterator, Mapping
from itertools import islice

from msgspec import UNSET
from msgspec.structs import replace

from schemas.catalogue import Allotment, Item, Promotion, Restaurant, Stock
from schemas.commands import CatalogueCommand, PutMenuItem, PutPromotion, PutRestaurant, RotateWebhookSecret
from schemas.facts import CatalogChanged
from schemas.replies import Answer, PromotionFault, Reply
from schemas.timestamps import EpochMs, to_text
from streams.domain import deletions, promotion_runs
from streams.domain.decision import Decision, Policy, reply_only
from streams.domain.state import State
from tables.registry import ITEMS, PROMOTIONS, RESTAURANTS, STOCKS, key

CatalogueEntry = Restaurant | Item | Promotion
NONE_RECEIVED: Mapping[str, int] = {}
#: Faults that a refusal of a promotion lists.
MAX_FAULTS = 20


def put_restaurant(state: State, command: PutRestaurant, now: EpochMs) -> Decision:
    """Create or replace a profile."""
    before = state[RESTAURANTS].get(command.restaurant_id)
    version = deletions.next_version(state, command.restaurant_id, before)
    # a restaurant that was deleted had no secret of such a version, so it shares none with its earlier life
    secret_version = before.webhook_secret_version if before else version
    after = make_profile(command, version, secret_version)
    decision = _catalogue_changed(command, before, after, [], now)
    return _with_secret_version(decision, secret_version)


def rotate_webhook_secret(state: State, command: RotateWebhookSecret, now: EpochMs) -> Decision:
    """Make the next version of a restaurant's webhook secret; a repetition that names its version changes nothing."""
    before = state[RESTAURANTS].get(command.restaurant_id)
    if before is None:
        return reply_only(Answer("unknown_restaurant"))
    current = before.webhook_secret_version
    if command.version == current:
        return reply_only(Answer("replaced", version=before.version, webhook_secret_version=current))
    if command.version not in (None, current + 1):
        return reply_only(Answer("wrong_version", webhook_secret_version=current))
    after = replace(before, version=before.version + 1, webhook_secret_version=current + 1)
    return _with_secret_version(_catalogue_changed(command, before, after, [], now), current + 1)


def _with_secret_version(decision: Decision, version: int) -> Decision:
    assert decision.reply is not None
    answer = replace(decision.reply.answer, webhook_secret_version=version)
    return replace(decision, reply=replace(decision.reply, answer=answer))


def make_profile(command: PutRestaurant, version: int, webhook_secret_version: int = 1) -> Restaurant:
    """Return the profile that the command describes."""
    return Restaurant(
        restaurant_id=command.restaurant_id,
        name=command.name,
        kitchen_capacity=command.kitchen_capacity,
        preparation_timeout_seconds=command.preparation_timeout_seconds,
        webhook=command.webhook,
        version=version,
        webhook_secret_version=webhook_secret_version,
    )


def put_menu_item(
    state: State,
    command: PutMenuItem,
    now: EpochMs,
    policy: Policy,
    net_received: Mapping[str, int] = NONE_RECEIVED,
) -> Decision:
    """Create or replace an item of a known restaurant's menu.

    `net_received` counts the portions that other buckets lent to the home less those that it lent to them, by
    pool name (escrow/README.md): the home's stock is the whole number less what the others have.
    """
    if command.restaurant_id not in state[RESTAURANTS]:
        return reply_only(Answer("unknown_restaurant"))
    item_key = key(command.restaurant_id, command.sku)
    before = state[ITEMS].get(item_key)
    size = deletions.size_of(state, command.restaurant_id)
    if before is None and policy.menu_items and size.items >= policy.menu_items:
        return reply_only(Answer("too_many_items", limit=policy.menu_items))
    after = Item(
        sku=command.sku,
        name=command.name,
        description=command.description,
        category=command.category,
        price=command.price,
        version=deletions.next_version(state, command.restaurant_id, before),
    )
    stock = state[STOCKS].get(item_key)
    if stock is None:
        begin = deletions.begin_of_stock(state, command.restaurant_id, now)
        changed = [Stock(command.sku, after.version, command.portions, counted_from=begin)]
    else:
        portions = _share(command.portions, net_received.get(command.sku, 0))
        changed = []
        if portions != stock.portions:
            stock = promotion_runs.drop_retired(state, command.restaurant_id, stock, now, policy)
            changed = [replace(stock, portions=portions, version=stock.version + 1)]
    return _catalogue_changed(command, before, after, changed, now)


def put_promotion(
    state: State,
    command: PutPromotion,
    now: EpochMs,
    policy: Policy,
    net_received: Mapping[str, int] = NONE_RECEIVED,
) -> Decision:
    """Create or replace a promotion of items that are on the menu; `net_received` as in `put_menu_item`.

    A promotion that is put again as it was stays, whatever has changed around it since. One that has retired begins a
    new run (`promotion_runs`).
    """
    if command.restaurant_id not in state[RESTAURANTS]:
        return reply_only(Answer("unknown_restaurant"))
    unknown = [i.sku for i in command.items if key(command.restaurant_id, i.sku) not in state[ITEMS]]
    if unknown:
        return reply_only(Answer("unknown_item", skus=unknown))
    before = state[PROMOTIONS].get(key(command.restaurant_id, command.promotion_id))
    if before is not None and before == replace(
        make_promotion(command, before.version, before.counted_from), phase=before.phase
    ):
        return Decision(reply=Reply(Answer("replaced", version=before.version)))
    if faults := [*islice(_faults(state, command, now, net_received), MAX_FAULTS)]:
        return reply_only(Answer("invalid_promotion", faults=faults))
    size = deletions.size_of(state, command.restaurant_id)
    promotions = promotion_runs.unretired(size.promotions, now, policy)
    counted_from = promotion_runs.begin_of_run(before, now, policy)
    if before is None:
        counted_from = deletions.begin_of_life(state, command.restaurant_id, counted_from)
    is_new_run = before is None or before.counted_from != counted_from
    if is_new_run and 0 < policy.promotions <= len(promotions):
        return reply_only(Answer("too_many_promotions", limit=policy.promotions))
    version = deletions.next_version(state, command.restaurant_id, before)
    after = make_promotion(command, version, counted_from)
    after = replace(after, phase=after.phase_at(now))
    skus = dict.fromkeys(i.sku for i in [*(before.items if before else []), *command.items])
    changed = []
    for sku in skus:
        old = state[STOCKS].get(key(command.restaurant_id, sku))
        if old is None:
            continue  # of an item that was deleted after an earlier run
        kept = promotion_runs.drop_retired(state, command.restaurant_id, old, now, policy)
        allotted = _allot(kept, after, net_received)
        if allotted is not kept:
            changed.append(allotted)
        elif kept is not old and is_new_run:
            changed.append(replace(kept, version=old.version + 1))
    return _catalogue_changed(command, before, after, changed, now)


def make_promotion(command: PutPromotion, version: int, counted_from: EpochMs) -> Promotion:
    """Return the promotion that the command describes, before its window opens."""
    return Promotion(
        promotion_id=command.promotion_id,
        starts_at=command.starts_at,
        ends_at=command.ends_at,
        items=command.items,
        version=version,
        customer_assurance=command.customer_assurance,
        counted_from=counted_from,
    )


def _faults(
    state: State, command: PutPromotion, now: EpochMs, net_received: Mapping[str, int]
) -> Iterator[PromotionFault]:
    """Yield what is wrong with a promotion: it is over, or it is no better than its items."""
    if command.ends_at <= now:
        yield PromotionFault("/ends_at", "over")
    for index, offered in enumerate(command.items):
        item_key = key(command.restaurant_id, offered.sku)
        price = state[ITEMS][item_key].price.amount
        if offered.promo_price.amount >= price:
            yield PromotionFault(f"/items/{index}/promo_price", "not_cheaper", price)
        here = state[STOCKS][item_key].portions
        whole = None if here is None else here - net_received.get(offered.sku, 0)
        if whole is not None and offered.portions is not None and offered.portions > whole:
            yield PromotionFault(f"/items/{index}/portions", "too_many_portions", whole)
        bound = whole if offered.portions is None else offered.portions
        if bound is not None and offered.cash_portions is not UNSET and offered.cash_portions > bound:
            yield PromotionFault(f"/items/{index}/cash_portions", "too_many_portions", bound)


def _allot(stock: Stock, promotion: Promotion, net_received: Mapping[str, int]) -> Stock:
    """Return the stock with the promotion's allotment; the same object if nothing changes."""
    before = stock.allotments.get(promotion.promotion_id)
    if before is not None and before.counted_from != promotion.counted_from:
        before = None  # of an item that left an earlier run
    item = promotion.item(stock.sku)
    used = before.reserved + before.wasted if before else 0
    if item is not None:
        portions = _share(item.portions, net_received.get(key(stock.sku, promotion.promotion_id), 0))
        after = (
            replace(before, portions=portions)
            if before
            else Allotment(portions, counted_from=promotion.counted_from)
        )
    elif before is not None and used:
        after = before  # no longer offered, but what is sold stays counted
    else:
        after = None
    if after == before:
        return stock
    allotments = {k: v for k, v in stock.allotments.items() if k != promotion.promotion_id}
    if after is not None:
        allotments[promotion.promotion_id] = after
    return replace(stock, allotments=allotments, version=stock.version + 1)


def _share(portions: int | None, net_received: int) -> int | None:
    """Return the home's share of a whole number; None: unlimited."""
    return None if portions is None else portions + net_received


def _catalogue_changed(
    command: CatalogueCommand | RotateWebhookSecret,
    before: CatalogueEntry | None,
    after: CatalogueEntry,
    stocks: list[Stock],
    now: EpochMs,
) -> Decision:
    is_same = before is not None and not stocks and replace(after, version=before.version) == before
    if before is not None and is_same:
        return Decision(reply=Reply(Answer("replaced", version=before.version)))
    # a promotion may have hundreds of items, and a fact of all their stocks would be too large for Kafka
    alone = stocks if isinstance(after, Promotion) else []
    facts = [
        CatalogChanged(
            restaurant_id=command.restaurant_id,
            occurred_at=to_text(now),
            version=stock.version,
            stocks=[stock],
            changed_by=command.by,
        )
        for stock in alone
    ]
    fact = CatalogChanged(
        restaurant_id=command.restaurant_id,
        occurred_at=to_text(now),
        version=after.version,
        restaurant=after if isinstance(after, Restaurant) else None,
        item=after if isinstance(after, Item) else None,
        promotion=after if isinstance(after, Promotion) else None,
        stocks=[] if alone else stocks,
        changed_by=command.by,
    )
    return Decision((*facts, fact), Reply(Answer("replaced" if before else "created", version=after.version)))
