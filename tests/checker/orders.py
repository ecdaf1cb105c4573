"""Orders: one per key, none lost, none invented, each with legal transitions."""

from collections import Counter, defaultdict

from tests.checker.lives import original_id
from tests.checker.observations import Fact, Finding, Observations

#: The transitions that the contract allows.
NEXT = {
    None: {"pending"},
    "pending": {"received", "cancelled"},
    "received": {"preparing", "cancelled"},
    "preparing": {"out_for_delivery", "cancelled"},
    "out_for_delivery": {"delivered"},
    "delivered": set(),
    "cancelled": {"cancelled"},  # with its refund
}
ORDER_TOPICS = (
    "order.created",
    "order.confirmed",
    "order.failed",
    "order.status-changed",
    "order.cancelled",
    "payment.refunded",
)
CONFIRMED = 201
REFUSED = {402, 409}
ACCEPTED = 202
KEY_REUSED = 422
#: No response, accepted, or rejected because of load.
NOT_DECIDED = {0, ACCEPTED, 429, 503}
#: A request that is rejected without an order; only a repeated request shows the status again.
NO_ORDER = {400, 403, 404, 422}


def _facts_by_order(seen: Observations) -> dict[str, list[Fact]]:
    lives: dict[str, list[Fact]] = defaultdict(list)
    for fact in seen.of(*ORDER_TOPICS):
        lives[fact.value["order_id"]].append(fact)
    return {order_id: sorted(facts, key=lambda f: f.value["version"]) for order_id, facts in lives.items()}


def legal_transitions(seen: Observations) -> Finding:
    """The versions of an order grow by one, each once, and each transition is allowed.

    They begin with 1, or where those of an order of the same restaurant ended, which has left the state.
    """
    finding = Finding()
    by_order = _facts_by_order(seen)
    ends: dict[str, set[int]] = defaultdict(lambda: {0})
    for facts in by_order.values():
        ends[facts[-1].value["restaurant_id"]].add(facts[-1].value["version"])
    for order_id, facts in by_order.items():
        status = None
        first = facts[0].value["version"]
        begins = first - 1 in ends[facts[0].value["restaurant_id"]]
        finding.expect(begins, f"{order_id}: begins with version {first}")
        for expected, fact in enumerate(facts, start=first):
            version, after = fact.value["version"], fact.value["status"]
            finding.expect(version == expected, f"{order_id}: version {version}, expected {expected}")
            finding.expect(after in NEXT[status], f"{order_id}: {after} after {status}")
            status = after
    return finding


def every_order_is_decided(seen: Observations) -> Finding:
    """After quiet no order is pending."""
    finding = Finding()
    for order_id, facts in _facts_by_order(seen).items():
        finding.expect(len(facts) > 1, f"{order_id} was created and never decided")
    return finding


def each_fact_once(seen: Observations) -> Finding:
    """No event id and no version of an order appears twice, and no version in two lives of an order's id."""
    finding = Finding()
    ids: set[str] = set()
    versions: set[tuple[str, int]] = set()
    for fact in seen.facts:
        finding.expect(fact.event_id not in ids, f"{fact.topic}: event {fact.event_id} twice")
        ids.add(fact.event_id)
        if fact.topic in ORDER_TOPICS:
            mark = (original_id(fact.value["order_id"]), fact.value["version"])
            finding.expect(mark not in versions, f"{mark} twice")
            versions.add(mark)
    return finding


def one_order_per_key(seen: Observations) -> Finding:
    """A key has at most one order, in facts and in responses; each order is decided at most once."""
    finding = Finding()
    orders: dict[tuple[str, str], set[str]] = defaultdict(set)
    decided: dict[str, int] = defaultdict(int)
    for fact in seen.of("order.created"):
        orders[(fact.value["restaurant_id"], fact.value["idempotency_key_hash"])].add(fact.value["order_id"])
    for fact in seen.of("order.confirmed", "order.failed"):
        decided[fact.value["order_id"]] += 1
    for key, ids in orders.items():
        finding.expect(len(ids) == 1, f"{key} has orders {ids}")
    for order_id, count in decided.items():
        finding.expect(count == 1, f"{order_id} was decided {count} times")
    answered: dict[tuple[str, str], set[str]] = defaultdict(set)
    for call in seen.calls:
        if call.order_id is not None:
            answered[(call.restaurant_id, call.key)].add(call.order_id)
    for key, ids in answered.items():
        finding.expect(len(ids) == 1, f"{key} was answered with orders {ids}")
    return finding


def replays_equal(seen: Observations) -> Finding:
    """The same key and body always get the same status and bytes; at most one response is not marked as a replay."""
    finding = Finding()
    answers: dict[tuple[str, str, str], list[tuple[int, bytes, bool]]] = defaultdict(list)
    for call in seen.calls:
        if call.status == CONFIRMED or call.status in REFUSED:
            asked = (call.restaurant_id, call.key, str(call.lines))
            answers[asked].append((call.status, call.body, call.replayed))
    for asked, given in answers.items():
        finding.expect(
            len({(status, body) for status, body, _ in given}) == 1, f"{asked} got different responses"
        )
        fresh = sum(not replayed for _, _, replayed in given)
        finding.expect(fresh <= 1, f"{asked}: {fresh} responses are not marked as replays")
    return finding


def acknowledged_orders_stand(seen: Observations) -> Finding:
    """An order with a 201 is on order.confirmed with the requested lines; an order with a 202 is decided."""
    finding = Finding()
    ended = {(c.restaurant_id, c.key, str(c.lines)) for c in seen.calls if c.status in NO_ORDER}
    confirmed = {f.value["order_id"]: f.value for f in seen.of("order.confirmed")}
    decided = confirmed.keys() | {f.value["order_id"] for f in seen.of("order.failed")}
    for call in seen.calls:
        if call.status == CONFIRMED:
            order = confirmed.get(call.order_id or "")
            finding.expect(order is not None, f"{call.order_id} was confirmed to {call.key}, and is lost")
            if order is not None:
                lines = [(line["sku"], line["quantity"]) for line in order["items"]]
                finding.expect(
                    lines == list(map(tuple, call.lines)), f"{call.order_id}: asked {call.lines}, has {lines}"
                )
        elif call.status == ACCEPTED:
            asked = (call.restaurant_id, call.key, str(call.lines))
            finding.expect(
                call.order_id in decided or asked in ended or asked[:2] in seen.abandoned,
                f"{call.order_id} was accepted from {call.key}, and is lost",
            )
    return finding


def refused_orders_do_not_stand(seen: Observations) -> Finding:
    """A refused order is not on order.confirmed, and no order is both confirmed and failed."""
    finding = Finding()
    confirmed = {f.value["order_id"] for f in seen.of("order.confirmed")}
    failed = {f.value["order_id"] for f in seen.of("order.failed")}
    for call in seen.calls:
        if call.status in REFUSED and call.order_id is not None:
            finding.expect(call.order_id not in confirmed, f"{call.order_id} was refused, and is confirmed")
    for order_id in confirmed | failed:
        finding.expect(
            not (order_id in confirmed and order_id in failed), f"{order_id} is confirmed and failed"
        )
    return finding


def orders_come_from_calls(seen: Observations) -> Finding:
    """Every confirmed order was requested.

    Who got no answer until the key's time was over never gets the order's id: so many of a restaurant's orders may be
    known to no customer.
    """
    finding = Finding()
    asked = {call.order_id for call in seen.calls}
    answered = {(call.restaurant_id, call.key) for call in seen.calls if call.order_id is not None}
    late = {(call.restaurant_id, call.key) for call in seen.calls if call.key_is != "live"} - answered
    unknown = Counter(restaurant_id for restaurant_id, _ in late)
    for fact in seen.of("order.confirmed"):
        order_id, restaurant_id = fact.value["order_id"], fact.value["restaurant_id"]
        if is_unknown := order_id not in asked and unknown[restaurant_id] > 0:
            unknown[restaurant_id] -= 1
        finding.expect(order_id in asked or is_unknown, f"{order_id} was never requested")
    return finding


def a_key_means_one_body(seen: Observations) -> Finding:
    """A key with another body is rejected: only one body of a key gets a decision."""
    finding = Finding()
    confirmed = {f.value["order_id"]: f.value for f in seen.of("order.confirmed")}
    bodies: dict[tuple[str, str], set[str]] = defaultdict(set)
    for call in seen.calls:
        if call.status in REFUSED | {CONFIRMED}:
            bodies[(call.restaurant_id, call.key)].add(str(call.lines))
    for key, lines in bodies.items():
        finding.expect(len(lines) == 1, f"{key} got decisions for {len(lines)} bodies")
    finding.checked += len(confirmed)
    return finding


def live_keys_get_their_answer(seen: Observations) -> Finding:
    """A decided order is not refused as another body's to who repeats its request while the key lives."""
    finding = Finding()
    statuses: dict[tuple[str, str, str, str], set[int]] = defaultdict(set)
    for call in seen.calls:
        if call.key_is == "live":
            statuses[(call.restaurant_id, call.key, str(call.lines), call.variant)].add(call.status)
    for asked, given in statuses.items():
        finding.expect(KEY_REUSED not in given or not given & (REFUSED | {CONFIRMED}), f"{asked} got {given}")
    return finding


def keys_past_their_time_are_refused(seen: Observations) -> Finding:
    """The key of a known order opens nothing once its time is over: 422 to the same body and to another."""
    finding = Finding()
    for call in seen.calls:
        if call.key_is == "over" and call.status not in NOT_DECIDED:
            is_refused = call.status == KEY_REUSED and call.order_id is None
            finding.expect(is_refused, f"{call.key}: {call.status} {call.order_id} after the key's time")
    return finding


def keys_of_deleted_orders_are_free(seen: Observations) -> Finding:
    """The key of a refused order can be used again, with any body, once the order has left."""
    finding = Finding()
    for call in seen.calls:
        if call.key_is == "free" and call.status not in NOT_DECIDED:
            finding.expect(call.status != KEY_REUSED, f"{call.key}: refused as in use")
    return finding


def each_input_is_answered_once(seen: Observations) -> Finding:
    """Every command in the log has exactly one reply, watermark or dead letter.

    A command that a bucket forwarded may arrive there twice; then it has as many replies.
    """
    finding = Finding()
    answered, forwarded = Counter(seen.answered), Counter(seen.forwarded)
    for name in seen.inputs:
        limit = max(1, forwarded[name])
        finding.expect(
            1 <= answered[name] <= limit, f"the command {name} was answered {answered[name]} times"
        )
    return finding


def no_answer_is_ahead_of_its_facts(seen: Observations) -> Finding:
    """Facts can be read before their reply arrives."""
    finding = Finding(checked=len(seen.calls))
    if seen.answers_ahead:
        finding.violations.append(f"{seen.answers_ahead} replies came before their facts")
    return finding
