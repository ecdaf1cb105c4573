"""The dashboard: `python -m compose.grafana.dashboard` writes dashboard.json beside this file.

A row is a question, a panel an answer; what a panel asks Prometheus is what the alerts ask.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

PATH = Path(__file__).with_name("dashboard.json")

SOURCE = {"type": "prometheus", "uid": "prometheus"}
#: Requests that customers make.
CUSTOMERS = 'route=~"/v1/.*|/pedidos|/catalogo"'
MENUS = 'route=~"/catalogo|/v1/restaurants/{restaurant_id}/menu"'


class Panel(NamedTuple):
    """One graph: what it asks, each with the name of its line, and from which value on it is red."""

    title: str
    unit: str
    queries: dict[str, str]  # legend -> expression
    limit: float | None = None
    text: str = ""


def quantile(share: float, metric: str, by: str = "", where: str = "") -> str:
    """Return the query for a quantile of a histogram over all processes."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({metric}_bucket{{{where}}}[1m])))"


def rate(metric: str, by: str = "", where: str = "") -> str:
    """Return the query for a rate over all processes."""
    return f"sum by ({by}) (rate({metric}{{{where}}}[1m]))" if by else f"sum(rate({metric}{{{where}}}[1m]))"


_DURATION = "promo_http_request_duration_seconds"

ROWS: dict[str, list[Panel]] = {
    "Is it well?": [
        Panel(
            "Requests that failed, last hour",
            "percentunit",
            {"failed": "promo:errors:ratio_rate1h", "last five minutes": "promo:errors:ratio_rate5m"},
            0.001,
            "Service level: 99.9 % are answered without a 5xx.",
        ),
        Panel(
            "Menus",
            "s",
            {f"p{p}": quantile(p / 100, _DURATION, where=MENUS) for p in (50, 95, 99)},
            0.12,
            "Service level: 95 % within 120 ms.",
        ),
        Panel(
            "Confirmations",
            "s",
            {f"p{p}": quantile(p / 100, "promo_order_confirmation_seconds") for p in (50, 95, 99)},
            0.3,
            "Service level: 95 % within 300 ms.",
        ),
        Panel(
            "Age of the views", "s", {"age": "max(promo_view_staleness_seconds)"}, 3.0, "Past 3 s no counts."
        ),
    ],
    "What is asked?": [
        Panel("Requests", "reqps", {"{{route}}": rate("promo_http_requests_total", "route")}),
        Panel(
            "Answers by status",
            "reqps",
            {"{{status}}": rate("promo_http_requests_total", "status", CUSTOMERS)},
        ),
        Panel(
            "Orders",
            "reqps",
            {
                "{{outcome}}": rate("promo_orders_total", "outcome"),
                "replayed": rate("promo_idempotent_replays_total"),
            },
        ),
        Panel("Undecided commands", "short", {"{{instance}}": "promo_undecided_commands"}, 1000.0),
    ],
    "Where does the time go?": [
        Panel(
            "Hops of a confirmation, p95", "s", {"{{hop}}": quantile(0.95, "promo_order_hop_seconds", "hop")}
        ),
        Panel(
            "Phases of a transaction, p95",
            "s",
            {"{{phase}}": quantile(0.95, "promo_transaction_phase_seconds", "phase")},
        ),
        Panel("Commands in a transaction", "short", {"p50": quantile(0.5, "promo_batch_commands")}),
        Panel(
            "Records behind",
            "short",
            {"{{group}} {{topic}}": "sum by (group, topic) (promo_consumer_lag)"},
            2000.0,
        ),
    ],
    "What goes wrong?": [
        Panel("Transactions", "ops", {"{{result}}": rate("promo_transactions_total", "result")}),
        Panel("Commands", "ops", {"{{result}}": rate("promo_commands_total", "result")}),
        Panel("Dead letters that wait", "short", {"{{topic}}": "max by (topic) (promo_dlq_depth)"}, 1.0),
        Panel("Attempts after the first", "ops", {"{{name}}": rate("promo_retries_total", "name")}),
    ],
    "What is outside?": [
        Panel(
            "Circuits",
            "short",
            {"{{name}}": "max by (name) (promo_circuit_breaker_state)"},
            2.0,
            "2 is open.",
        ),
        Panel(
            "Payments", "ops", {"{{kind}} {{outcome}}": rate("promo_payment_requests_total", "kind, outcome")}
        ),
        Panel(
            "Calls of the provider, p95",
            "s",
            {"{{kind}}": quantile(0.95, "promo_payment_call_seconds", "kind")},
        ),
        Panel(
            "Oldest payment under way",
            "s",
            {"{{kind}}": "max by (kind) (promo_payments_oldest_pending_seconds)"},
            900.0,
        ),
        Panel(
            "Notifications",
            "ops",
            {"{{channel}} {{result}}": rate("promo_notifications_total", "channel, result")},
        ),
    ],
    "Who is there?": [
        Panel("Processes that do their work", "short", {"{{role}}": "sum by (role) (promo_ready)"}),
        Panel(
            "Partitions taken over",
            "short",
            {"{{store}}": "sum by (store) (increase(promo_recoveries_total[5m]))"},
        ),
        Panel("Inputs missing from the log", "short", {"missing": "sum(promo_offset_gaps_total)"}, 1.0),
    ],
}

_COLUMNS = 24  # of Grafana's grid
_HEIGHT = 7


def dashboard() -> dict[str, Any]:
    """Return the dashboard as Grafana takes it."""
    panels: list[dict[str, Any]] = []
    y = 0
    for title, row in ROWS.items():
        panels.append(_row(title, len(panels) + 1, y))
        width = _COLUMNS // len(row)
        panels += [_panel(p, len(panels) + 1 + i, i * width, y + 1, width) for i, p in enumerate(row)]
        y += 1 + _HEIGHT
    return {
        "uid": "promo-relampago",
        "title": "Promo Relâmpago",
        "tags": ["promo"],
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "refresh": "5s",
        "time": {"from": "now-30m", "to": "now"},
        "timezone": "browser",
        "templating": {"list": []},
        "annotations": {"list": [_alerts()]},
        "panels": panels,
    }


def text() -> str:
    """Return the dashboard as it is written down."""
    return json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n"


def _row(title: str, number: int, y: int) -> dict[str, Any]:
    place = {"x": 0, "y": y, "w": _COLUMNS, "h": 1}
    return {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}


def _panel(panel: Panel, number: int, x: int, y: int, width: int) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.limit is not None:
        steps.append({"color": "red", "value": panel.limit})
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.text,
        "datasource": SOURCE,
        "gridPos": {"x": x, "y": y, "w": width, "h": _HEIGHT},
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "min": 0,
                "thresholds": {"mode": "absolute", "steps": steps},
                "custom": {"thresholdsStyle": {"mode": "off" if panel.limit is None else "line"}},
            },
            "overrides": [],
        },
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(65 + i), "datasource": SOURCE, "expr": expression, "legendFormat": legend}
            for i, (legend, expression) in enumerate(panel.queries.items())
        ],
    }


def _alerts() -> dict[str, Any]:
    return {
        "name": "Alerts",
        "datasource": SOURCE,
        "enable": True,
        "iconColor": "red",
        "expr": 'ALERTS{alertname=~"Promo.*", alertstate="firing"}',
        "titleFormat": "{{alertname}}",
        "step": "15s",
    }


if __name__ == "__main__":
    PATH.write_text(text())
