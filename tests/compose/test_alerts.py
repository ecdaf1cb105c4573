"""Alerts and dashboard: of metrics that exist, each alert shown to fire, each with its entry in the runbook."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

import schemas.metrics
from compose.grafana import dashboard

FOLDER = Path(__file__).parents[2] / "compose" / "prometheus"
TESTS = ("tests.yml", "tests-days.yml")

#: Functions, words and labels of queries that are no metrics of ours begin otherwise.
NAME = re.compile(r"\b(promo_\w+|promo:[\w:]+)")


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def known() -> set[str]:
    """Return every name that a query may have."""
    samples = {sample.name for metric in REGISTRY.collect() for sample in metric.samples}
    families = {metric.name for metric in REGISTRY.collect()}
    suffixed = {f"{name}{end}" for name in families for end in ("", "_total", "_bucket", "_count", "_sum")}
    return samples | suffixed | {rule["record"] for rule in rules() if "record" in rule}


def queries() -> list[str]:
    panels = [expression for row in dashboard.ROWS.values() for p in row for expression in p.queries.values()]
    return [rule["expr"] for rule in rules()] + panels


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("no promtool on PATH: apt-get install prometheus")
    return found


def test_queries_ask_for_metrics_that_exist() -> None:
    """A query for a name that nobody exposes never fires and never shows."""
    names = {name for query in queries() for name in NAME.findall(query)}
    assert len(names) > 25 and names <= known()


def test_every_label_that_is_asked_for_exists() -> None:
    """The same of a label: `by (rout)` is one line for all."""
    ours = {name for metric in vars(schemas.metrics).values() for name in getattr(metric, "_labelnames", ())}
    others = {"le", "instance", "role", "job"}
    bare = [re.sub(r'"[^"]*"', '""', query) for query in queries()]
    grouped = {
        label.strip() for q in bare for by in re.findall(r"by \(([^)]*)\)", q) for label in by.split(",")
    }
    matched = {label for q in bare for label in re.findall(r"(\w+) *(?:=~|!~|!=|=) *\"\"", q)}
    used = grouped | matched
    assert used and used <= ours | others


def test_the_dashboard_is_the_one_that_the_code_makes() -> None:
    """After a change: python -m compose.grafana.dashboard"""
    assert dashboard.PATH.read_text() == dashboard.text()


def test_panels_lie_beside_each_other_and_have_ids_of_their_own() -> None:
    panels = dashboard.dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(taken) == len(set(taken)) and max(x for x, _ in taken) < 24


def test_every_alert_has_its_entry_in_the_runbook_and_every_entry_its_alert() -> None:
    headings = set(re.findall(r"^## (\w+)$", (FOLDER / "runbook.md").read_text(), re.M))
    assert headings == {alert["alert"] for alert in alerts()}
    for alert in alerts():
        where = f"compose/prometheus/runbook.md#{alert['alert'].lower()}"
        assert alert["annotations"]["runbook"] == where
        assert alert["labels"]["severity"] in ("page", "ticket")


def test_the_runbook_names_settings_that_exist() -> None:
    from schemas import settings

    named = set(re.findall(r"PROMO_\w+", (FOLDER / "runbook.md").read_text()))
    assert named <= {name for name, _, _ in settings.describe()}


def test_every_alert_is_shown_to_fire() -> None:
    fired = set()
    for name in TESTS:
        for case in yaml.safe_load((FOLDER / name).read_text())["tests"]:
            for asked in case["promql_expr_test"]:
                fired |= {
                    label for s in asked["exp_samples"] for label in re.findall(r"Promo\w+", s["labels"])
                }
    assert fired == {alert["alert"] for alert in alerts()}


def test_prometheus_takes_its_configuration(promtool: str) -> None:
    done = subprocess.run(
        [promtool, "check", "config", FOLDER / "prometheus.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_fire_when_they_should_and_only_then(promtool: str) -> None:
    """`promtool test rules`, over series that tell what happens in a promotion."""
    done = subprocess.run(
        [promtool, "test", "rules", *(FOLDER / name for name in TESTS)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
