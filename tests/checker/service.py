"""The service: everyone is answered in the end, nothing hangs, it comes back after a fault."""

from collections import defaultdict

from tests.checker.observations import Finding, Observations

#: No answer, not decided yet, and come back later; every other status is a last word.
NOT_YET = {0, 202, 429, 503}
#: The contract's bound for an open transaction, and for coming back after a fault.
TRANSACTION_SECONDS = 15.0
RECOVERY_SECONDS = 45.0


def every_key_is_answered(seen: Observations) -> Finding:
    """Who goes on asking is told what became of the order."""
    finding = Finding()
    statuses: dict[tuple[str, str, str], set[int]] = defaultdict(set)
    for call in seen.calls:
        statuses[(call.restaurant_id, call.key, str(call.lines))].add(call.status)
    for asked, given in statuses.items():
        finding.expect(bool(given - NOT_YET), f"{asked} was never answered, only {given}")
    return finding


def no_internal_errors(seen: Observations) -> Finding:
    """No request meets an error that nobody thought of."""
    finding = Finding()
    for call in seen.calls:
        thought_of = call.status < 500 or call.status == 503
        finding.expect(thought_of, f"{call.restaurant_id} {call.key}: {call.status} {call.body[:200]!r}")
    return finding


def no_transaction_open_for_long(seen: Observations) -> Finding:
    """What is written can be read by a read_committed reader within 15 s, whoever died meanwhile."""
    finding = Finding()
    for wait in seen.waits:
        finding.expect(
            wait.seconds <= TRANSACTION_SECONDS,
            f"{wait.topic}-{wait.partition}: held back for {wait.seconds:.1f} s",
        )
    return finding


def service_comes_back(seen: Observations) -> Finding:
    """After each fault every process works again, by itself."""
    finding = Finding()
    for recovery in seen.recoveries:
        took = recovery.seconds
        finding.expect(
            took is not None and took <= RECOVERY_SECONDS,
            f"{recovery.fault}: "
            + ("does not come back" if took is None else f"came back after {took:.1f} s"),
        )
    return finding
