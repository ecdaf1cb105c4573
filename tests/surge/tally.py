"""The counts of the generators, by the second in which a request was due."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable

from msgspec import Struct, field

from tests.surge import histogram


class Second(Struct):
    """One kind of request in one second: statuses (0: no response) and histograms of times."""

    statuses: dict[int, int] = field(default_factory=dict)  # of every request
    served: dict[int, int] = field(default_factory=dict)  # from due to the final status
    accepted: dict[int, int] = field(default_factory=dict)  # the same, for 201 only
    late: dict[int, int] = field(default_factory=dict)  # from due to sent: caused by the generator
    stale: dict[int, int] = field(default_factory=dict)  # age of menus on arrival
    due: int = 0
    gave_up: int = 0

    def count_final(self, status: int, seconds: float) -> None:
        """Count the final status of an order, `seconds` after it was due."""
        if status not in DECIDED:
            self.gave_up += 1
            return
        count(self.served, seconds)
        if status == 201:
            count(self.accepted, seconds)

    def add(self, other: "Second") -> None:
        """Add the counts of another generator or second."""
        for name in ("statuses", "served", "accepted", "late", "stale"):
            mine = getattr(self, name)
            for key, count in getattr(other, name).items():
                mine[key] = mine.get(key, 0) + count
        self.due += other.due
        self.gave_up += other.gave_up


class Tally:
    """Counts by kind and second."""

    def __init__(self) -> None:
        self.seconds: defaultdict[tuple[str, int], Second] = defaultdict(Second)

    def of(self, kind: str, at: float) -> Second:
        """Return the counts of the second in which a request is due."""
        return self.seconds[(kind, int(at))]

    def drain(self) -> list[tuple[str, int, Second]]:
        """Return and reset all counts."""
        drained = [(kind, number, second) for (kind, number), second in self.seconds.items()]
        self.seconds.clear()
        return drained

    def add(self, drained: Iterable[tuple[str, int, Second]]) -> None:
        """Add the drained counts of a generator."""
        for kind, number, second in drained:
            self.seconds[(kind, number)].add(second)

    def over(self, kind: str, begin: float, end: float) -> Second:
        """Return the sum of the seconds from begin to end."""
        whole = Second()
        first, last = math.ceil(begin - 0.001), math.ceil(end - 0.001)  # the ends of phases are inexact sums
        for number in range(first, last):
            if second := self.seconds.get((kind, number)):
                whole.add(second)
        return whole


def count(counts: dict[int, int], seconds: float) -> None:
    """Count a time in a histogram."""
    index = histogram.bucket(seconds)
    counts[index] = counts.get(index, 0) + 1


#: The statuses of a successful read.
READ = {200, 304}
#: The statuses of a decided order.
DECIDED = {201, 402, 409}
#: The statuses of a rejection under load.
REJECTED = {429, 503}


def errors(kind: str, second: Second) -> int:
    """Return the number of requests without a response, or with a status that customers should not get."""
    good = READ if kind == "reads" else DECIDED | {202}
    return sum(count for status, count in second.statuses.items() if status not in good)


def rejections(second: Second) -> int:
    """Return the number of requests that were rejected because of load."""
    return sum(count for status, count in second.statuses.items() if status in REJECTED)


def format_statuses(statuses: Counter[int] | dict[int, int]) -> str:
    """Return statuses and counts for a line of progress."""
    return " ".join(f"{status or 'none'}:{count}" for status, count in sorted(statuses.items()))
