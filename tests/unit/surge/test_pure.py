"""The arithmetic of the load test, on which its figures depend."""

import random
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import charts
from tests.support.charts import Chart, Marks
from tests.surge import histogram, profile, restaurants
from tests.surge.tally import Tally, count, errors

SECONDS = st.floats(0.0002, 60.0)


@given(st.lists(SECONDS, min_size=1), st.floats(0.01, 1.0))
def test_quantile_is_right_within_2_percent(times: list[float], share: float) -> None:
    counts: dict[int, int] = {}
    for seconds in times:
        count(counts, seconds)
    exact = sorted(times)[max(0, -int(-share * len(times) // 1) - 1)]
    assert exact * 0.999 <= histogram.quantile(counts, share) <= exact * 1.0201


@given(st.lists(SECONDS, max_size=20), st.lists(SECONDS, max_size=20))
def test_histograms_of_two_generators_add_up(ours: list[float], theirs: list[float]) -> None:
    one: dict[int, int] = {}
    two: dict[int, int] = {}
    whole: dict[int, int] = {}
    for seconds in ours:
        count(one, seconds)
        count(whole, seconds)
    for seconds in theirs:
        count(two, seconds)
        count(whole, seconds)
    assert histogram.merge(one, two) == whole


def test_surge_has_20x_reads_and_5x_orders() -> None:
    window = profile.window(15, 100, 10)
    baseline, surge, after = window.phases
    assert (surge.reads, surge.orders) == (2000, 50) and (baseline.reads, after.orders) == (100, 10)
    assert window.seconds == pytest.approx(900) and sum(window.span("surge")) / 2 == pytest.approx(495)


def test_shared_arrivals_have_the_rates_of_their_phase() -> None:
    window = profile.window(10, 10, 4)
    for kind in ("reads", "orders"):
        times = [
            at
            for part in range(3)
            for at in profile.arrivals(window, kind, 1 / 3, random.Random(f"{kind}/{part}"))
        ]
        for begin, end, phase in window.spans():
            expected = phase.seconds * (phase.reads if kind == "reads" else phase.orders)
            came = sum(begin <= at < end for at in times)
            assert abs(came - expected) < 5 * expected**0.5, f"{kind} in {phase.name}"


def test_one_restaurant_is_hot_and_the_others_follow_zipf() -> None:
    shares = profile.popularity(40)
    assert sum(shares) == pytest.approx(1) and shares[0] == profile.HOT_SHARE
    assert shares[1] == pytest.approx(2 * shares[2]) == pytest.approx(10 * shares[10])
    drawn = [restaurants.draw_restaurant(random.Random(number)) for number in range(2000)]
    assert 0.25 < drawn.count(restaurants.RESTAURANTS[0]) / 2000 < 0.35


def test_missing_and_wrong_answers_are_errors() -> None:
    tally = Tally()
    tally.of("orders", 3.2).statuses = {201: 90, 409: 5, 202: 1, 503: 2, 0: 1, 500: 1}
    assert errors("orders", tally.over("orders", 3, 4)) == 4
    tally.of("reads", 3.9).statuses = {200: 10, 304: 1, 404: 1, 201: 1}
    assert errors("reads", tally.over("reads", 0, 10)) == 2


def test_tallies_of_generators_add_up_per_second() -> None:
    one, whole = Tally(), Tally()
    one.of("reads", 1.1).due = 2
    whole.add(one.drain())
    one.of("reads", 1.9).due = 3
    one.of("reads", 2.0).due = 7
    whole.add(one.drain())
    assert whole.over("reads", 1, 2).due == 5 and not one.drain()


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=5, alphabet="ab<&"),
        st.lists(st.tuples(st.floats(0, 900), st.floats(0, 1e6)), max_size=5),
        max_size=4,
    )
)
def test_chart_is_well_formed_and_stays_in_its_frame(
    lines: dict[str, list[tuple[float, float]]],
) -> None:
    drawn = charts.draw(
        Chart("a < b", "ms", lines, marks=Marks([(1.0, 2.0)], [(1.5, "kill -9 <x>")]), level=3)
    )
    root = ET.fromstring(drawn)
    for line in root.iter("{http://www.w3.org/2000/svg}polyline"):
        for pair in line.attrib["points"].split():
            x, y = map(float, pair.split(","))
            assert charts.LEFT <= x <= charts.WIDTH and 0 <= y <= charts.HEIGHT


@given(st.floats(1e-6, 1e9), st.integers(2, 12))
def test_scale_has_few_round_steps(span: float, limit: int) -> None:
    step = charts.round_step(span, limit)
    assert span / step <= limit * 1.0001 and float(f"{step:e}".partition("e")[0]) in (1.0, 2.0, 5.0)
