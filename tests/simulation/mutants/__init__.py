"""Planted bugs: each is a mistake that some system has shipped, and names the invariants that must catch it."""

from tests.simulation.mutants import (
    cash,
    deletions,
    exactly_once,
    facts,
    idempotency,
    lifecycle,
    lives,
    offers,
    retention,
    stock,
)
from tests.simulation.mutants.planted import MUTANTS

__all__ = [
    "MUTANTS",
    "cash",
    "deletions",
    "exactly_once",
    "facts",
    "idempotency",
    "lifecycle",
    "lives",
    "offers",
    "retention",
    "stock",
]
