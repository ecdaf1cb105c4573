"""Answers: what was said of an order can be read, refusals too, and commands in flight stay within their bound."""

from tests.checker.observations import Finding, Observations

#: A status is the answered one or a later one, if its rank is not lower.
RANKS = {"pending": 0, "received": 1, "preparing": 2, "out_for_delivery": 3, "delivered": 4, "cancelled": 5}
#: No response, 429 and 503 say nothing about an order.
SAYS_NOTHING = {0, 429, 503}
#: The longest time of a read, in seconds: one for the answer, and what a busy machine with frozen processes adds.
READ_SECONDS = 10.0


def answers_can_be_read(seen: Observations) -> Finding:
    """After an answer said a status, every later request about the order finds that status or a later one."""
    finding = Finding()
    for read in seen.order_reads:
        if read.status:
            finding.expect(read.seconds <= READ_SECONDS, f"{read.order_id}: read in {read.seconds:.1f} s")
        if read.status in SAYS_NOTHING:
            continue
        is_known = read.status == 200 and RANKS.get(read.shown, -1) >= RANKS[read.answered]
        finding.expect(
            is_known, f"{read.order_id}: answered {read.answered}, then {read.status} {read.shown}"
        )
    return finding


def refusals_can_be_read(seen: Observations) -> Finding:
    """An order that was answered 202 and then refused without a fact is, in the end, cancelled to its customer."""
    finding = Finding()
    for read in seen.refusal_reads:
        is_refused = read.status == 200 and read.shown == "cancelled"
        finding.expect(is_refused, f"{read.order_id}: refused, then {read.status} {read.shown}")
    return finding


def revoked_tokens_open_nothing(seen: Observations) -> Finding:
    """A token that was revoked a while ago is refused, by every process, whatever happens to it."""
    finding = Finding()
    for read in seen.revoked_reads:
        is_refused = read.status == 401 or read.status in SAYS_NOTHING
        finding.expect(is_refused, f"{read.restaurant}: a revoked token is answered {read.status}")
    return finding


def commands_in_flight_are_bounded(seen: Observations) -> Finding:
    """No ingress process has more commands in flight than its setting allows, whether or not clients wait."""
    finding = Finding()
    for peak in seen.in_flight_peaks:
        finding.expect(
            peak.commands <= seen.max_in_flight, f"{peak.process}: {peak.commands}, not {seen.max_in_flight}"
        )
    return finding
