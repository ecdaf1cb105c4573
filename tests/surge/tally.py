"""What generators count: by the second in which a request was due, whenever its answer came."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable

from msgspec import Struct, field

from tests.surge import histogram


class Second(Struct):
    """One kind of request in one second: histograms of seconds, and statuses (0: no answer)."""

    statuses: dict[int, int] = field(default_factory=dict)  # of every request
    served: dict[int, int] = field(default_factory=dict)  # from due to the last word
    accepted: dict[int, int] = field(default_factory=dict)  # of these, to 201
    late: dict[int, int] = field(default_factory=dict)  # from due to sent: the generator's own doing
    stale: dict[int, int] = field(default_factory=dict)  # age of pages when they came
    due: int = 0
    gave_up: int = 0

    def add(self, other: "Second") -> None:
        """Add what was counted elsewhere."""
        for name in ("statuses", "served", "accepted", "late", "stale"):
            mine = getattr(self, name)
            for key, count in getattr(other, name).items():
                mine[key] = mine.get(key, 0) + count
        self.due += other.due
        self.gave_up += other.gave_up


class Tally:
    """Seconds by kind and number."""

    def __init__(self) -> None:
        self.seconds: defaultdict[tuple[str, int], Second] = defaultdict(Second)

    def of(self, kind: str, at: float) -> Second:
        """Return where to count what was due at this second of the window."""
        return self.seconds[(kind, int(at))]

    def take(self) -> list[tuple[str, int, Second]]:
        """Return all that was counted since the last time."""
        taken = [(kind, number, second) for (kind, number), second in self.seconds.items()]
        self.seconds.clear()
        return taken

    def add(self, taken: Iterable[tuple[str, int, Second]]) -> None:
        """Add what a generator took."""
        for kind, number, second in taken:
            self.seconds[(kind, number)].add(second)

    def over(self, kind: str, begin: float, end: float) -> Second:
        """Return the seconds from begin to end as one."""
        whole = Second()
        first, last = math.ceil(begin - 0.001), math.ceil(end - 0.001)  # phases end where sums of floats do
        for number in range(first, last):
            if second := self.seconds.get((kind, number)):
                whole.add(second)
        return whole


def count(counts: dict[int, int], seconds: float) -> None:
    """Count a time in a histogram."""
    index = histogram.bucket(seconds)
    counts[index] = counts.get(index, 0) + 1


#: What is an answer to a reader, and a last word to a customer.
READ = {200, 304}
DECIDED = {201, 402, 409}
#: The system sends customers away, for now, rather than let them wait.
TURNED_AWAY = {429, 503}


def errors(kind: str, second: Second) -> int:
    """Return how many requests had no answer, or one that no customer should get."""
    fine = READ if kind == "reads" else DECIDED | {202}
    return sum(count for status, count in second.statuses.items() if status not in fine)


def rates(statuses: Counter[int] | dict[int, int]) -> str:
    """Return statuses for a line of progress."""
    return " ".join(f"{status or 'none'}:{count}" for status, count in sorted(statuses.items()))
