"""The memory of a process: all budgets add up to less than the limit of its manifest, and each cache keeps to its own."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from egress import memory_budget as egress_budget
from ingress.load_shedding import admitted_orders, rate_limits
from ingress.memory import budgets
from ingress.memory.budgets import CACHES, CLIENTS, FRAGMENTATION, MIB
from schemas.settings import Settings
from streams import memory_budget as streams_budget
from tests.support.ingress.filled_caches import CONNECTIONS, FILLS

ROOT = Path(__file__).parents[3]
#: What a process may grow by in addition, in MiB: its allocator keeps some of what was freed.
TOLERANCE_MIB = 8

BUDGETS = {
    "small pages": CACHES["pages"],
    "large pages": CACHES["pages"],
    "send_queues": CLIENTS["send_queues"],
    "rate_limits": rate_limits.MAX_CLIENTS * budgets.BUCKET,
    "headers": 0,
    "connections": CONNECTIONS * budgets.CONNECTION,
    "streams": CONNECTIONS * (budgets.CONNECTION + budgets.STREAM),
}


TOTALS = {
    "ingress": budgets.total(Settings(), rate_limits.MAX_CLIENTS + admitted_orders.MAX_ORDERS),
    "egress": egress_budget.total(Settings()),
    "streams": streams_budget.total(Settings()),
}


@pytest.mark.parametrize("role", TOTALS)
def test_budgets_add_up_to_less_than_the_limit(role: str) -> None:
    """With default settings, of which the manifest changes none that has a row in the table."""
    documents = yaml.safe_load_all((ROOT / f"compose/kubernetes/{role}.yaml").read_text())
    specs = [document["spec"] for document in documents if document["kind"] in ("Deployment", "StatefulSet")]
    (container,) = specs[0]["template"]["spec"]["containers"]
    limit = container["resources"]["limits"]["memory"]
    assert limit.endswith("Mi")
    assert TOTALS[role] < int(limit.removesuffix("Mi")) * MIB


def test_manifests_set_none_of_the_counted_settings() -> None:
    """A larger one there would exceed the limit without a test that fails."""
    counted = {"PROMO_MAX_CONNECTIONS", "PROMO_MAX_STREAMS", "PROMO_MAX_IN_FLIGHT_COMMANDS"}
    text = "".join(path.read_text() for path in (ROOT / "compose/kubernetes").glob("*.yaml"))
    assert not [name for name in counted if name in text]


def test_forgotten_orders_keep_their_budget() -> None:
    """100,000 of them; the sum above has room for as many. Measured in a process that reads the keyring."""
    command = [sys.executable, "-m", "tests.support.privacy.forgotten_orders", str(budgets.MAX_FORGOTTEN)]
    grown = float(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)
    assert grown < budgets.MAX_FORGOTTEN * budgets.FORGOTTEN / MIB + TOLERANCE_MIB


@pytest.mark.slow
@pytest.mark.parametrize("name", FILLS)
def test_process_with_a_full_cache_keeps_its_budget(name: str) -> None:
    """Measured by the system, with the entries that need the most for what they are counted as."""
    assert grown_mib(name) < BUDGETS.get(name, CACHES.get(name, 0)) / MIB * FRAGMENTATION + TOLERANCE_MIB


@pytest.mark.slow
def test_process_with_all_caches_full_keeps_their_sum() -> None:
    """One after the other, as an attacker would fill them."""
    pages = BUDGETS["small pages"]  # counted for large ones too
    total = sum(BUDGETS.get(name, CACHES.get(name, 0)) for name in FILLS) - pages
    assert grown_mib(*FILLS) < total / MIB * FRAGMENTATION + TOLERANCE_MIB


def grown_mib(*names: str) -> float:
    """Return by how many MiB a fresh process grows that fills these caches."""
    command = [sys.executable, "-m", "tests.support.ingress.filled_caches", *names]
    return float(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)
