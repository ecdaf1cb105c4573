"""The model of time and distance in small; its figures are those that the documents quote."""

import xml.etree.ElementTree as ET

from tests.escrow import scale
from tests.escrow.partition_load import calculate_load
from tests.escrow.timed_harness import Cut
from tests.support import charts
from tests.support.charts import Chart, Marks
from tests.support.statistics import quantile


def test_a_region_that_is_cut_off_sells_what_it_has():
    """Orders for local portions do not wait for the cut; nothing is oversold, or stranded after it."""
    cut = Cut(4, 9, frozenset({1}))
    run = scale.simulate_regions("small", (0.3, 0.7), 40, 400, cut, seconds=25, until=16)
    sold = [a for a in run.answers() if a.outcome == "confirmed"]
    inside = [a.took_ms for a in sold if a.bucket == 1 and 4 <= a.arrived < 9]
    assert inside and quantile(inside, 0.95) < 300
    assert len(sold) == run.portions == 400
    assert all(a.outcome for a in run.answers())
    refused_elsewhere = [a for a in run.answers() if a.outcome == "out_of_stock" and a.elsewhere]
    assert all(4 <= a.arrived < 10 for a in refused_elsewhere)


def test_one_hot_restaurant_needs_more_than_one_partition():
    """It overloads one partition, and four share it: the purpose of buckets."""
    one, four = (calculate_load(1000, 100, 20_000, count, 200, 0.03) for count in (1, 4))
    assert one.busiest > 1 > four.busiest


def test_the_plot_is_well_formed():
    """Lines, a span, a legend."""
    chart = Chart(
        "free < 1 & more",
        "portions",
        {"a": [(0, 1), (1, 2)], "b": [(0, 0), (1, 0)]},
        marks=Marks([(0.2, 0.4)], [(0.2, "cut")]),
    )
    root = ET.fromstring(charts.draw_stacked("title", [chart]))
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polyline"))) == 2
