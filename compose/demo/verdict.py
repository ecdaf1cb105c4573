"""What came of the race: the customers' answers held against the log."""

import json
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from compose.demo.http import Answered
from compose.demo.ledger import Ledger
from compose.demo.race import Outcome


class Verdict(Struct, frozen=True):
    """Numbers of the race."""

    customers: int
    sold: int
    unsold: int
    refused: int
    replayed: int
    undecided: int
    unexpected: int
    oversold: int
    lost: int
    doubled: int
    differing: int
    p50_ms: float
    p95_ms: float

    @property
    def clean(self) -> bool:
        """Say whether every promise was kept, and every customer was told."""
        broken = self.oversold + self.lost + self.doubled + self.differing
        return broken + self.unsold + self.undecided + self.unexpected == 0


def reach(outcomes: Sequence[Outcome], ledger: Ledger, portions: int) -> Verdict:
    """Compare what was answered with what was written.

    Lost: confirmed to a customer but not in the log, in the log but never told although the customer asked to
    the end, or confirmed without its portion. Doubled: confirmed or reserved more than once. Differing: the
    same key answered with something else.
    """
    told = {_order_id(answer) for outcome in outcomes for answer in _given(outcome) if answer.status == 201}
    confirmed, reserved = Counter(ledger.confirmed), Counter(ledger.reserved)
    held = max(ledger.portions_confirmed, ledger.portions_reserved)
    firsts = [given[0] for outcome in outcomes if (given := _given(outcome))]
    times = sorted(answer.seconds * 1000 for answer in firsts if answer.status == 201)
    return Verdict(
        customers=len(outcomes),
        sold=ledger.portions_confirmed,
        unsold=max(0, min(portions, len(outcomes)) - ledger.portions_confirmed),
        refused=sum(answer.status == 409 for answer in firsts),
        replayed=sum(answer.replayed for outcome in outcomes for answer in _given(outcome)),
        undecided=len(outcomes) - len(firsts),
        unexpected=sum(answer.status not in (201, 409) for answer in firsts),
        oversold=max(0, held - portions, -(ledger.lowest_stock or 0)),
        lost=len(told ^ confirmed.keys()) + len(confirmed.keys() ^ reserved.keys()),
        doubled=max(_surplus(confirmed), _surplus(reserved)),
        differing=sum(_differs(_given(outcome)) for outcome in outcomes),
        p50_ms=_quantile(times, 0.50),
        p95_ms=_quantile(times, 0.95),
    )


def _given(outcome: Outcome) -> list[Answered]:
    return [answer for answer in outcome.answers if answer is not None]


def _surplus(counted: Counter[str]) -> int:
    return counted.total() - len(counted)


def _differs(answers: Sequence[Answered]) -> bool:
    return len({(answer.status, answer.body) for answer in answers}) > 1


def _order_id(answer: Answered) -> str:
    return str(json.loads(answer.body)["order_id"])


def _quantile(ascending: Sequence[float], share: float) -> float:
    """Return the value that this share does not exceed; 0 for none."""
    return ascending[min(len(ascending) - 1, int(share * len(ascending)))] if ascending else 0.0
