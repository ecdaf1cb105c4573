"""Planted bugs: each is a way to get it wrong that someone has shipped, and names the invariants that must catch it."""

from tests.simulation.mutants import facts, idempotency, layer, life, stock
from tests.simulation.mutants.planted import MUTANTS

__all__ = ["MUTANTS", "facts", "idempotency", "layer", "life", "stock"]
