"""Prices, offers and limits: what an order pays is what the catalogue offered, and no customer passes a limit."""

from collections import Counter, defaultdict
from typing import Any

from tests.checker.histories import (
    milliseconds,
    prices_over_time,
    promotions_over_time,
    restaurants_with_buckets,
    run_of_order,
    values_at,
)
from tests.checker.observations import Finding, Observations
from tests.checker.stock import changes_of_stocks, promotion_of

#: Restaurant and sku.
Item = tuple[str, str]
#: What a customer may have proved, from nothing on.
ASSURANCES = ["none", "device", "phone"]


def orders_pay_an_offered_price(seen: Observations) -> Finding:
    """A line costs the item's price, or that of an open promotion of it which is cheaper.

    The catalogue and the orders are in different topics, so a price counts that held at the order's time; a change in
    the same millisecond may come before or after the order. Restaurants with buckets are left out: a PUT reaches other
    buckets a moment later.
    """
    finding = Finding()
    prices, promotions, with_buckets = (
        prices_over_time(seen),
        promotions_over_time(seen),
        restaurants_with_buckets(seen),
    )
    for fact in seen.of("order.confirmed"):
        restaurant, at = fact.value["restaurant_id"], milliseconds(fact.value["created_at"])
        for line in fact.value["items"] if restaurant not in with_buckets else ():
            paid, id_ = line["unit_price"]["amount"], line["promotion_id"]
            regular = values_at(prices[restaurant, line["sku"]], at)
            what = f"{fact.value['order_id']} {line['sku']}: {paid} in {id_}, regular {regular}"
            if id_ is None:
                finding.expect(paid in regular, what)
                continue
            finding.expect(any(paid < price for price in regular), f"{what}: not cheaper")
            offered = [
                offer["promo_price"]["amount"]
                for promotion in values_at(promotions[restaurant, id_], at)
                for offer in promotion["items"]
                if offer["sku"] == line["sku"] and promotion["starts_at"] <= at < promotion["ends_at"]
            ]
            finding.expect(paid in offered, f"{what}: {offered} offered")
    return finding


def promotions_keep_their_bounds(seen: Observations) -> Finding:
    """A promotion that is new or changed is below its items' prices, not over, and within their portions."""
    finding = Finding()
    prices: dict[Item, int] = {}
    portions: dict[Item, int | None] = {}
    known: dict[Item, dict[str, Any]] = {}
    with_buckets = restaurants_with_buckets(seen)
    for fact in seen.of("catalog.changed"):
        restaurant = fact.value["restaurant_id"]
        if (item := fact.value["item"]) is not None:
            prices[restaurant, item["sku"]] = item["price"]["amount"]
        portions |= {(restaurant, stock["sku"]): stock["portions"] for stock in fact.value["stocks"]}
        if (deleted := fact.value.get("deleted_promotion")) is not None:
            known.pop((restaurant, deleted), None)
        if (promotion := fact.value["promotion"]) is None:
            continue
        before = known.get((restaurant, promotion["promotion_id"]))
        known[restaurant, promotion["promotion_id"]] = promotion
        same_window = before is not None and all(before[n] == promotion[n] for n in ("starts_at", "ends_at"))
        if (
            before is not None
            and same_window
            and all(offer in before["items"] for offer in promotion["items"])
        ):
            continue  # at most, it has lost an item that was deleted
        what = f"{restaurant} {promotion}"
        finding.expect(promotion["ends_at"] > milliseconds(fact.value["occurred_at"]), f"{what}: over")
        for offer in promotion["items"]:
            where = (restaurant, offer["sku"])
            finding.expect(offer["promo_price"]["amount"] < prices[where], f"{what}: not cheaper")
            count, whole = offer["portions"], portions[where]
            fits = count is None or whole is None or count <= whole or restaurant in with_buckets
            finding.expect(fits, f"{what}: more portions than {whole}")
            cash = offer.get("cash_portions")
            finding.expect(cash is None or count is None or cash <= count, f"{what}: {cash} by cash")
    return finding


def cheapest_offer_with_portions_applies(seen: Observations) -> Finding:
    """When an order reserves an item, no cheaper open promotion of it has portions left.

    A promotion that ends or changes in the order's millisecond counts as both. Restaurants with buckets are left out:
    a bucket may rely for a second on what it has learnt (streams/domain/escrow/README.md, N3).
    """
    finding = Finding()
    promotions, prices = promotions_over_time(seen), prices_over_time(seen)
    with_buckets = restaurants_with_buckets(seen)
    orders = {f.value["order_id"]: f.value for f in seen.of("order.created")}
    for fact in seen.of("stock.reserved"):
        restaurant, at = fact.value["restaurant_id"], milliseconds(fact.value["occurred_at"])
        paid = {line["sku"]: line["unit_price"]["amount"] for line in orders[fact.value["order_id"]]["items"]}
        for item in fact.value["items"] if restaurant not in with_buckets else ():
            if item["sku"] not in paid:
                continue  # all-or-nothing finds it
            for id_, allotment in item["stock"]["allotments"].items():
                offers = [
                    _cheaper_offer(p, item["sku"], paid[item["sku"]], at)
                    for p in values_at(promotions[restaurant, id_], at)
                ]
                regular = values_at(prices[restaurant, item["sku"]], at)
                applies = all(
                    offer is not None and all(offer < price for price in regular) for offer in offers
                )
                left = allotment["portions"] is None or (
                    allotment["portions"] > allotment["reserved"] + allotment["wasted"]
                )
                finding.expect(
                    not (offers and applies and left),
                    f"{fact.value['order_id']} {item['sku']}: paid {paid[item['sku']]}, {id_} has portions",
                )
    return finding


def _cheaper_offer(promotion: dict[str, Any], sku: str, paid: int, at: int) -> int | None:
    """Return the price of an open promotion's offer that costs less than what was paid."""
    if not promotion["starts_at"] <= at < promotion["ends_at"]:
        return None
    prices = [offer["promo_price"]["amount"] for offer in promotion["items"] if offer["sku"] == sku]
    return next((price for price in prices if price < paid), None)


def refusals_have_no_offer_left(seen: Observations) -> Finding:
    """When an order is refused because nothing is left of an item, no offer of it has portions.

    A stock or promotion that changes in the order's millisecond counts as both. Restaurants with buckets are left out:
    their orders wait for portions, which others may take in the meantime.
    """
    finding = Finding()
    promotions, prices, with_buckets = (
        promotions_over_time(seen),
        prices_over_time(seen),
        restaurants_with_buckets(seen),
    )
    stocks: dict[Item, list[tuple[int, Any]]] = defaultdict(list)
    for where_, changes in sorted(changes_of_stocks(seen).items()):  # life after life
        if where_[0] not in with_buckets and where_[2] == 0:
            stocks[where_[:2]] += [(milliseconds(fact.value["occurred_at"]), s) for _, s, _, fact in changes]
    for fact in seen.of("order.failed"):
        restaurant, at = fact.value["restaurant_id"], milliseconds(fact.value["occurred_at"])
        if restaurant in with_buckets or fact.value.get("bucket"):
            continue
        for shortage in fact.value["shortages"]:
            where = (restaurant, shortage["sku"])
            if shortage["available"] != 0:
                continue
            open_now = [
                [_offer(promotion, where[1], at) for promotion in values_at(history, at)]
                for (whose, _), history in promotions.items()
                if whose == restaurant
            ]
            regular = values_at(prices[where], at)
            finding.expect(
                not all(_has_offer(stock, open_now, regular) for stock in values_at(stocks[where], at)),
                f"{fact.value['order_id']} {where[1]}: refused, and an offer of {open_now} has portions",
            )
    return finding


def _offer(promotion: dict[str, Any], sku: str, at: int) -> dict[str, Any] | None:
    """Return an open promotion's offer of the item, with the promotion's id."""
    if not promotion["starts_at"] <= at < promotion["ends_at"]:
        return None
    offers = [offer for offer in promotion["items"] if offer["sku"] == sku]
    return {**offers[0], "id": promotion["promotion_id"]} if offers else None


def _has_offer(
    stock: dict[str, Any], promotions: list[list[dict[str, Any] | None]], regular: list[int]
) -> bool:
    """Return True if the item has portions, and an offer that certainly applies has, too."""
    if _left(stock) == 0:
        return False
    certain = [offers for offers in promotions if any(offers)]
    if not certain:
        return True  # the regular price
    for offers in certain:
        for offer in offers:
            if offer is None or any(offer["promo_price"]["amount"] >= price for price in regular):
                return False  # it may not apply, and then another rule
    ids = [offers[0]["id"] for offers in certain if offers[0]]
    says = {offer.get("when_sold_out") for offers in certain for offer in offers if offer}
    allotments = [stock["allotments"][id_] for id_ in ids if id_ in stock["allotments"]]
    return any(_left(allotment) != 0 for allotment in allotments) or says == {"regular_price"}


def _left(pool: dict[str, Any]) -> int | None:
    return None if pool["portions"] is None else max(0, pool["portions"] - pool["reserved"] - pool["wasted"])


def limits_count_all_orders(seen: Observations) -> Finding:
    """An order in a promotion with a limit leaves its customer within it, counting all earlier ones of its run that stand.

    Cancelled orders whose portions were wasted still count. A limit that changes in the order's millisecond counts as
    both. Restaurants with buckets are left out: a new limit does not count what other buckets have sold.
    """
    finding = Finding()
    promotions, with_buckets = promotions_over_time(seen), restaurants_with_buckets(seen)
    customers = {f.value["order_id"]: f.value["customer_id"] for f in seen.of("order.created")}
    created = {f.value["order_id"]: milliseconds(f.value["created_at"]) for f in seen.of("order.created")}
    for (restaurant, sku, *_), changes in changes_of_stocks(seen).items():
        counted: Counter[tuple[str, int, str]] = Counter()
        for _, _, delta, fact in changes if restaurant not in with_buckets else ():
            customer = customers.get(fact.value.get("order_id", ""))
            if customer is None or (id_ := promotion_of(fact, sku)) is None:
                continue
            at = milliseconds(fact.value["occurred_at"])
            run = run_of_order(promotions[restaurant, id_], created[fact.value["order_id"]])
            counted[id_, run, customer] += delta or 0
            limits = [
                offer["per_customer_limit"]
                for promotion in values_at(promotions[restaurant, id_], at)
                for offer in promotion["items"]
                if offer["sku"] == sku
            ]
            count = counted[id_, run, customer]
            within = any(limit is None or count <= limit for limit in limits)
            finding.expect(
                within or fact.topic != "stock.reserved",
                f"{restaurant} {sku} {id_}: {customer} has {count}, limit {limits}",
            )
    return finding


def orders_prove_what_a_promotion_asks(seen: Observations) -> Finding:
    """A confirmed order has proved what its promotions ask: their assurance, and a customer where a limit counts one.

    A promotion that changes in the order's millisecond asks either. Restaurants with buckets are left out: a PUT
    reaches other buckets a moment later.
    """
    finding = Finding()
    promotions, with_buckets = promotions_over_time(seen), restaurants_with_buckets(seen)
    customers = {fact.value["order_id"]: fact.value["customer"] for fact in seen.of("order.created")}
    for fact in seen.of("order.confirmed"):
        restaurant, at = fact.value["restaurant_id"], milliseconds(fact.value["created_at"])
        customer = customers.get(fact.value["order_id"])
        proved = customer.get("assurance", "device") if customer else "none"
        for line in fact.value["items"] if restaurant not in with_buckets else ():
            asked = [
                _asked(promotion, line["sku"])
                for promotion in values_at(promotions[restaurant, line["promotion_id"]], at)
            ]
            finding.expect(
                not asked or any(ASSURANCES.index(proved) >= ASSURANCES.index(one) for one in asked),
                f"{fact.value['order_id']} {line['sku']}: proved {proved}, asked {asked}",
            )
    return finding


def _asked(promotion: dict[str, Any], sku: str) -> str:
    """Return what an order of the item must prove."""
    has_limit = any(offer["per_customer_limit"] for offer in promotion["items"] if offer["sku"] == sku)
    return max(promotion["customer_assurance"], "device" if has_limit else "none", key=ASSURANCES.index)
