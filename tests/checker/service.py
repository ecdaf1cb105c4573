"""The service: every key gets a final status, no transaction hangs, every fault is recovered from."""

from collections import defaultdict

from tests.checker.observations import Finding, Observations

#: No response, not decided yet, or retry later; every other status is final.
NOT_YET = {0, 202, 429, 503}
#: The contract's limits for an open transaction and for the recovery from a fault.
TRANSACTION_SECONDS = 15.0
RECOVERY_SECONDS = 45.0


def every_key_is_answered(seen: Observations) -> Finding:
    """A customer who keeps retrying gets a final status."""
    finding = Finding()
    statuses: dict[tuple[str, str, str], set[int]] = defaultdict(set)
    for call in seen.calls:
        statuses[(call.restaurant_id, call.key, str(call.lines))].add(call.status)
    for asked, given in statuses.items():
        is_abandoned = asked[:2] in seen.abandoned
        finding.expect(is_abandoned or bool(given - NOT_YET), f"{asked} was never answered, only {given}")
    return finding


def no_internal_errors(seen: Observations) -> Finding:
    """No request gets a 5xx other than 503."""
    finding = Finding()
    for call in seen.calls:
        is_expected = call.status < 500 or call.status == 503
        finding.expect(is_expected, f"{call.restaurant_id} {call.key}: {call.status} {call.body[:200]!r}")
    return finding


def no_transaction_open_for_long(seen: Observations) -> Finding:
    """A written record is readable for a read_committed reader within 15 s, also after a process has died."""
    finding = Finding()
    for delay in seen.visibility_delays:
        finding.expect(
            delay.seconds <= TRANSACTION_SECONDS,
            f"{delay.topic}-{delay.partition}: not readable for {delay.seconds:.1f} s",
        )
    return finding


def service_comes_back(seen: Observations) -> Finding:
    """After each fault every process recovers without help."""
    finding = Finding()
    for recovery in seen.recoveries:
        took = recovery.seconds
        finding.expect(
            took is not None and took <= RECOVERY_SECONDS,
            f"{recovery.fault}: " + ("does not recover" if took is None else f"recovered after {took:.1f} s"),
        )
    return finding
