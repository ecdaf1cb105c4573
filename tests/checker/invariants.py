"""The invariants by name."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.checker import (
    answers,
    cash,
    catalogue,
    deletions,
    escrow,
    live,
    money,
    offers,
    orders,
    reads,
    runs,
    service,
    stock,
)
from tests.checker.observations import Finding, Observations

Invariant = Callable[[Observations], Finding]

#: Violations of an invariant that a summary keeps.
MAX_SHOWN = 5

#: For the simulation and for the whole product.
INVARIANTS: dict[str, Invariant] = {
    "never-oversold": stock.never_oversold,
    "stock-conserved": stock.stock_conserved,
    "stock-versions-without-gap": stock.stock_versions_without_gap,
    "all-or-nothing": stock.all_or_nothing,
    "availability-is-what-is-left": stock.availability_is_what_is_left,
    "portions-are-what-was-put": stock.portions_are_what_was_put,
    "orders-pay-an-offered-price": offers.orders_pay_an_offered_price,
    "promotions-keep-their-bounds": offers.promotions_keep_their_bounds,
    "cheapest-offer-with-portions-applies": offers.cheapest_offer_with_portions_applies,
    "refusals-have-no-offer-left": offers.refusals_have_no_offer_left,
    "limits-count-all-orders": offers.limits_count_all_orders,
    "allotments-count-their-run": runs.allotments_count_their_run,
    "runs-begin-after-retirement": runs.runs_begin_after_retirement,
    "ended-promotions-leave-the-stocks": runs.ended_promotions_leave_the_stocks,
    "cash-holds-are-bounded": cash.cash_holds_are_bounded,
    "cash-refusals-have-a-reason": cash.cash_refusals_have_a_reason,
    "orders-prove-what-a-promotion-asks": offers.orders_prove_what_a_promotion_asks,
    "one-order-per-key": orders.one_order_per_key,
    "replays-equal": orders.replays_equal,
    "a-key-means-one-body": orders.a_key_means_one_body,
    "live-keys-get-their-answer": orders.live_keys_get_their_answer,
    "keys-past-their-time-are-refused": orders.keys_past_their_time_are_refused,
    "keys-of-deleted-orders-are-free": orders.keys_of_deleted_orders_are_free,
    "acknowledged-orders-stand": orders.acknowledged_orders_stand,
    "refused-orders-do-not-stand": orders.refused_orders_do_not_stand,
    "orders-come-from-calls": orders.orders_come_from_calls,
    "every-order-is-decided": orders.every_order_is_decided,
    "legal-transitions": orders.legal_transitions,
    "each-fact-once": orders.each_fact_once,
    "each-input-is-answered-once": orders.each_input_is_answered_once,
    "no-answer-is-ahead-of-its-facts": orders.no_answer_is_ahead_of_its_facts,
    "money-is-where-orders-say": money.money_is_where_orders_say,
    "refunds-are-published": money.refunds_are_published,
    "refunds-name-what-they-return": money.refunds_name_what_they_return,
    "paid-by-its-own-authorisation": money.confirmations_name_their_authorisation,
    "catalogue-versions-without-gap": catalogue.catalogue_versions_without_gap,
    "views-equal-facts": catalogue.views_equal_facts,
    "deleted-things-leave-the-views": deletions.deleted_things_leave_the_views,
    "nothing-is-sold-of-what-is-deleted": deletions.nothing_is_sold_of_what_is_deleted,
    "new-lives-begin-empty": deletions.new_lives_begin_empty,
    "dead-letters-are-the-poisoned-ones": catalogue.dead_letters_are_the_poisoned_ones,
}

#: For restaurants with buckets.
ESCROW_INVARIANTS: dict[str, Invariant] = {
    "each-transfer-once": escrow.each_transfer_once,
    "portions-conserved": escrow.portions_conserved,
}

#: For real processes, real time and HTTP.
STACK_INVARIANTS: dict[str, Invariant] = {
    "every-key-is-answered": service.every_key_is_answered,
    "no-internal-errors": service.no_internal_errors,
    "no-transaction-open-for-15-s": service.no_transaction_open_for_long,
    "service-comes-back": service.service_comes_back,
    "stale-reads-say-so": reads.stale_reads_say_so,
    "degraded-reads-show-no-count": reads.degraded_reads_show_no_count,
    "known-restaurants-are-known": reads.known_restaurants_are_known,
    "counts-are-as-fresh-as-they-say": reads.counts_are_as_fresh_as_they_say,
    "order-views-equal-facts": reads.order_views_equal_facts,
    "answers-can-be-read": answers.answers_can_be_read,
    "refusals-can-be-read": answers.refusals_can_be_read,
    "revoked-tokens-open-nothing": answers.revoked_tokens_open_nothing,
    "commands-in-flight-are-bounded": answers.commands_in_flight_are_bounded,
    "followers-miss-nothing": live.followers_miss_nothing,
    "boards-equal-facts": live.boards_equal_facts,
}


def check(seen: Observations, invariants: Mapping[str, Invariant] = INVARIANTS) -> dict[str, Finding]:
    """Return the findings by invariant."""
    return {name: invariant(seen) for name, invariant in invariants.items()}


def violations(findings: dict[str, Finding]) -> dict[str, list[str]]:
    """Return the violated invariants with their messages."""
    return {name: finding.violations for name, finding in findings.items() if finding.violations}


def summarize_findings(findings: Mapping[str, Finding]) -> dict[str, dict[str, Any]]:
    """Return the findings as plain data: numbers, and the first violations of each invariant."""
    return {
        name: {
            "checked": finding.checked,
            "violations": len(finding.violations),
            "first": finding.violations[:MAX_SHOWN],
        }
        for name, finding in findings.items()
    }
