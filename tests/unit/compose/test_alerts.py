"""Alerts, dashboard and runbook name what exists; each alert fires in a test and has its entry."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

import schemas.metrics

COMPOSE = Path(__file__).parents[3] / "compose"
FOLDER = COMPOSE / "prometheus"
DASHBOARD = json.loads((COMPOSE / "grafana" / "dashboard.json").read_text())
PANELS = DASHBOARD["panels"]
TESTS = ("tests.yml", "tests-days.yml")

#: Only our metrics and recorded rules begin like this.
NAME = re.compile(r"\b(promo_\w+|promo:[\w:]+)")


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def known() -> set[str]:
    """Return every metric name that a query may have."""
    samples = {sample.name for metric in REGISTRY.collect() for sample in metric.samples}
    families = {metric.name for metric in REGISTRY.collect()}
    suffixed = {f"{name}{end}" for name in families for end in ("", "_total", "_bucket", "_count", "_sum")}
    return samples | suffixed | {rule["record"] for rule in rules() if "record" in rule}


def queries() -> list[str]:
    shown = [target["expr"] for panel in PANELS for target in panel.get("targets", ())]
    return [rule["expr"] for rule in rules()] + shown


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("no promtool on PATH: apt-get install prometheus")
    return found


def test_queries_name_metrics_that_exist() -> None:
    """A query of a name that no process exposes never fires and never shows."""
    names = {name for query in queries() for name in NAME.findall(query)}
    assert len(names) > 25 and names <= known()


def test_queries_name_labels_that_exist() -> None:
    """`by (rout)` would be one line for all routes."""
    ours = {name for metric in vars(schemas.metrics).values() for name in getattr(metric, "_labelnames", ())}
    others = {"le", "instance", "role", "job"} | {"cronjob", "job_name", "condition"}  # of kube-state-metrics
    others.add("persistentvolumeclaim")  # of the kubelet
    bare = [re.sub(r'"[^"]*"', '""', query) for query in queries()]
    grouped = {
        label.strip() for q in bare for by in re.findall(r"by \(([^)]*)\)", q) for label in by.split(",")
    }
    matched = {label for q in bare for label in re.findall(r"(\w+) *(?:=~|!~|!=|=) *\"\"", q)}
    used = grouped | matched
    assert used and used <= ours | others


def test_panels_have_unique_ids_and_places() -> None:
    """They do not overlap, and lie within the grid of 24 columns."""
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    cells = [
        (x, y)
        for panel in PANELS
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells)) and max(x for x, _ in cells) < 24


def test_each_alert_has_one_runbook_entry() -> None:
    """And each entry has its alert."""
    headings = set(re.findall(r"^## (\w+)$", (FOLDER / "runbook.md").read_text(), re.M))
    assert headings == {alert["alert"] for alert in alerts()}
    for alert in alerts():
        where = f"compose/prometheus/runbook.md#{alert['alert'].lower()}"
        assert alert["annotations"]["runbook"] == where
        assert alert["labels"]["severity"] in ("page", "ticket")


def test_runbook_names_settings_that_exist() -> None:
    """Each PROMO_ name in it is a setting."""
    from schemas import settings

    named = set(re.findall(r"PROMO_\w+", (FOLDER / "runbook.md").read_text()))
    assert named <= {name for name, _, _ in settings.describe()}


def test_runbook_names_panels_that_exist() -> None:
    """Each name in italics, but for that of the dashboard, is the title of a panel."""
    titles = {panel["title"] for panel in PANELS if panel["type"] == "timeseries"}
    named = set(re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", (FOLDER / "runbook.md").read_text()))
    assert len(named) > 5 and named - {DASHBOARD["title"]} <= titles


def test_each_alert_is_shown_to_fire() -> None:
    """Some case of tests.yml or tests-days.yml expects it."""
    fired = set()
    for name in TESTS:
        for case in yaml.safe_load((FOLDER / name).read_text())["tests"]:
            for asked in case["promql_expr_test"]:
                fired |= {
                    label for s in asked["exp_samples"] for label in re.findall(r"Promo\w+", s["labels"])
                }
    assert fired == {alert["alert"] for alert in alerts()}


def test_prometheus_accepts_its_configuration(promtool: str) -> None:
    """`promtool check config`."""
    done = subprocess.run(
        [promtool, "check", "config", FOLDER / "prometheus.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_fire_in_their_cases_only(promtool: str) -> None:
    """`promtool test rules`, over series of a promotion."""
    done = subprocess.run(
        [promtool, "test", "rules", *(FOLDER / name for name in TESTS)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
