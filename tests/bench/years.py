"""`python -m tests.bench.years`: what a year of orders, and three years of daily promotions, leave in the state.

Pure: the domain over dicts, one restaurant. A day has honest orders, orders of a client who asks for what is sold out, and
a promotion with a limit per customer. The drawing is `tests/bench/year.svg`.
"""

import argparse
import random
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from egress.projections.projection import project
from schemas import codec
from schemas.commands import AdvanceOrder, PromotionItem, PutPromotion
from schemas.facts import Fact
from schemas.identity import order_id
from schemas.money import Money
from streams.domain.decision import Policy
from tables.registry import TABLES
from tests.support import charts, report
from tests.support.charts import Chart
from tests.support.domain.harness import DomainHarness, place, promotion

DRAWING = Path(__file__).parent / "year.svg"
DAY_SECONDS, HOUR_MS = 86_400, 3_600_000
#: Orders of each kind in a day.
ORDERS_A_DAY = 40
#: Days of which the tables have a row.
SHOWN_DAYS = (1, 8, 30, 90, 180, 365)
SHOWN_PROMOTIONS = (1, 30, 88, 365, 730, 1095)
ITEMS = 200
#: Decisions of which the cost is the shortest.
TRIES = 200


class Views:
    """The bytes of each view in Redis, until it expires."""

    def __init__(self) -> None:
        self._sizes: dict[tuple[str, str], int] = {}
        self._expires_at: dict[str, int] = {}

    def put(self, fact: Fact) -> None:
        """Write what the fact shows."""
        for write in project(fact, 0):
            if write.value is None:  # deleted
                self._sizes.pop((write.key, write.field), None)
                continue
            self._sizes[write.key, write.field] = len(write.key) + len(write.field) + len(write.value)
            if write.expires_at:
                expires_at = write.drop_at or write.expires_at
                self._expires_at[write.key] = expires_at

    def size(self, now_ms: int) -> int:
        """Delete what has expired, and return the bytes of the rest."""
        now = now_ms // 1000
        ended = {key for key, expires_at in self._expires_at.items() if expires_at <= now}
        self._sizes = {name: size for name, size in self._sizes.items() if name[0] not in ended}
        self._expires_at = {key: at for key, at in self._expires_at.items() if key not in ended}
        return sum(self._sizes.values())


def sizes(domain: DomainHarness) -> Counter[str]:
    """Return the bytes of keys and records, by table."""
    return Counter(
        {
            spec.name: sum(len(key) + len(codec.encode(row)) for key, row in domain[spec].items())
            for spec in TABLES
        }
    )


def live_a_day(domain: DomainHarness, day: int, rng: random.Random) -> None:
    """Decide the orders of a day, and let it pass."""
    now = domain.now
    offer = PromotionItem("coxinha", Money(500), 30, 2)
    domain.do(promotion(offer, id_=f"day{day}", starts=now, ends=now + HOUR_MS))
    for number in range(ORDERS_A_DAY):
        name = f"{day}-{number}"
        domain.do(place(name, ("coxinha", 1), customer=f"c{rng.randrange(10**9)}"))
        for status in ("preparing", "out_for_delivery", "delivered"):
            domain.do(AdvanceOrder("r1", order_id("r1", name), status))
        domain.do(place(f"hostile {name}", ("pastel", 1)))
    domain.advance_time(DAY_SECONDS)


def measure_year(days: int) -> None:
    """Print and draw the sizes of state and views, day by day."""
    rng = random.Random(1)
    domain, views = DomainHarness(policy=Policy()).open(coxinha=None, pastel=0), Views()
    rows, lines = [], {"state": [(0.0, 0.0)], "orders and keys": [(0.0, 0.0)], "views": [(0.0, 0.0)]}
    for day in range(1, days + 1):
        live_a_day(domain, day, rng)
        for fact in domain.facts:
            views.put(fact)
        domain.facts.clear()
        tables, shown = sizes(domain), views.size(domain.now)
        orders = tables["orders"] + tables["idempotency_keys"]
        for name, size in (("state", tables.total()), ("orders and keys", orders), ("views", shown)):
            lines[name].append((float(day), size / 1000))
        if day in SHOWN_DAYS:
            rows.append((day, *(f"{size / 1000:,.0f}" for size in (tables.total(), orders, shown))))
    print(report.table(("day", "state kB", "orders and keys kB", "views kB"), rows))
    chart = Chart("A year of orders and refusals: what is stored", "kB", lines, axis="days")
    DRAWING.write_text(charts.draw(chart) + "\n")


def measure_promotions(days: int) -> None:
    """Print the largest record, and the cost of an order, after so many daily promotions of every item."""
    domain = DomainHarness(policy=Policy()).open(**{f"item{number}": 1000 for number in range(ITEMS)})
    rows = []
    largest = 0
    for day in range(1, days + 1):
        domain.do(_daily(domain.now, day))
        largest = max(largest, *(len(codec.encode(fact)) for fact in domain.facts))
        domain.facts.clear()
        if day in SHOWN_PROMOTIONS:
            rows.append(
                (day, f"{largest / 1000:.1f}", f"{_cost_of_an_order(domain, day):.0f}", _rows(domain))
            )
        domain.advance_time(DAY_SECONDS)
    print(report.table(("promotions", "largest record kB", "an order, us", "rows in state"), rows))


def _daily(now: int, day: int) -> PutPromotion:
    items = [PromotionItem(f"item{number}", Money(500), 10, None) for number in range(ITEMS)]
    return promotion(*items, id_=f"day{day}", starts=now, ends=now + HOUR_MS)


def _cost_of_an_order(domain: DomainHarness, day: int) -> float:
    """Return the shortest time of a decision, in microseconds."""
    costs = []
    for number in range(TRIES):
        command = place(f"{day}-{number}", ("item0", 1))
        began = time.perf_counter()
        domain.do(command)
        costs.append(time.perf_counter() - began)
    return min(costs) * 1e6


def _rows(domain: DomainHarness) -> int:
    tables: Mapping[str, dict[str, object]] = domain.tables
    return sum(map(len, tables.values()))


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.years", description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--promotions", type=int, default=1095)
    options = parser.parse_args()
    measure_year(options.days)
    measure_promotions(options.promotions)


if __name__ == "__main__":
    main()
