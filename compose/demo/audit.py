"""The check of the demo: the customers' answers compared with the facts in Kafka."""

import json
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from compose.demo.fact_counts import FactCounts
from compose.demo.http import HttpOutcome


class AuditResult(Struct, frozen=True):
    """The numbers of a race."""

    customers: int
    sold: int
    unsold: int
    refused: int
    replayed: int
    pending: int
    unexpected: int
    oversold: int
    lost: int
    doubled: int
    differing: int
    p50_ms: float
    p95_ms: float

    @property
    def is_clean(self) -> bool:
        """Return True if every guarantee held and every customer got a decision."""
        broken = self.oversold + self.lost + self.doubled + self.differing
        return broken + self.unsold + self.pending + self.unexpected == 0


def compare(answers: Sequence[Sequence[HttpOutcome | None]], facts: FactCounts, portions: int) -> AuditResult:
    """Compare the answers to each customer with the facts.

    Lost: confirmed to a customer without a fact; a fact without an answer to a customer who retried to the end;
    or confirmed without a reservation. Doubled: confirmed or reserved more than once. Differing: two answers
    to the same key.
    """
    received = [[answer for answer in own if answer is not None] for own in answers]
    everything = [answer for own in received for answer in own]
    answered = {json.loads(answer.body)["order_id"] for answer in everything if answer.status == 201}
    confirmed, reserved = Counter(facts.confirmed), Counter(facts.reserved)
    promised = max(facts.portions_confirmed, facts.portions_reserved)
    first_answers = [own[0] for own in received if own]
    times_ms = sorted(answer.seconds * 1000 for answer in first_answers if answer.status == 201)
    return AuditResult(
        customers=len(answers),
        sold=facts.portions_confirmed,
        unsold=max(0, min(portions, len(answers)) - facts.portions_confirmed),
        refused=sum(answer.status == 409 for answer in first_answers),
        replayed=sum(answer.replayed for answer in everything),
        pending=len(answers) - len(first_answers),
        unexpected=sum(answer.status not in (201, 409) for answer in first_answers),
        oversold=max(0, promised - portions, -(facts.lowest_stock or 0)),
        lost=len(answered ^ confirmed.keys()) + len(confirmed.keys() ^ reserved.keys()),
        doubled=max(_surplus(confirmed), _surplus(reserved)),
        differing=sum(len({(answer.status, answer.body) for answer in own}) > 1 for own in received),
        p50_ms=_quantile(times_ms, 0.50),
        p95_ms=_quantile(times_ms, 0.95),
    )


def _surplus(counts: Counter[str]) -> int:
    return counts.total() - len(counts)


def _quantile(ascending: Sequence[float], share: float) -> float:
    """Return the value that this share of the values does not exceed; 0 for no values."""
    return ascending[min(len(ascending) - 1, int(share * len(ascending)))] if ascending else 0.0
