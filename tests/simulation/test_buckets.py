"""The simulation with buckets: workers crash between the two ends of a transfer, and what goes between is delayed,
doubled and overtaken."""

import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import pytest

from tests.escrow.mutants import MUTANTS
from tests.planting import Mutant
from tests.simulation.run import simulate

SEEDS = 4
#: Seeds in which a planted bug must show itself.
PATIENCE = 15

#: Bugs of the protocol that an outside checker must see in the facts, and by which invariant.
SEEN_OUTSIDE = {
    "take-a-transfer-in-twice": {"each-transfer-once"},
    "answer-an-ask-that-comes-again-with-more": {"each-transfer-once"},
    "lose-a-transfer-in-flight": {"each-transfer-once"},
    "lend-without-taking-out": {"each-transfer-once", "portions-conserved"},
    "lend-more-than-is-free": {"never-oversold"},
    "forget-where-a-key-was-passed-on-to": {"one-order-per-key", "legal-transitions", "replays-equal"},
}


@pytest.mark.parametrize("open_rate", [0, 2], ids=["all open", "open when hot"])
def test_no_seed_breaks_an_invariant(open_rate: int):
    """Never oversold, each transfer once, as many portions as were put, one order per key, views equal to facts."""
    checked: Counter[str] = Counter()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        one = partial(simulate, buckets=3, commands=250, open_rate=open_rate)
        for outcome in pool.map(one, range(SEEDS), chunksize=2):
            assert not outcome.violations, f"seed {outcome.seed}: {outcome.violations}"
            checked.update({name: finding.checked for name, finding in outcome.findings.items()})
    assert checked["each-transfer-once"] > 50 * SEEDS, "too few transfers"


@pytest.mark.parametrize(
    "mutant",
    [m for m in MUTANTS if m.name in SEEN_OUTSIDE],
    ids=[*(m.name for m in MUTANTS if m.name in SEEN_OUTSIDE)],
)
def test_a_planted_bug_is_caught_by_a_named_invariant(mutant: Mutant):
    """What the checker of campaigns sees is enough to tell."""
    found: set[str] = set()
    with mutant.plant():
        for seed in range(PATIENCE):
            found |= set(simulate(seed, commands=250, buckets=3, open_rate=seed % 2 * 2).violations)
            if found & SEEN_OUTSIDE[mutant.name]:
                return
    pytest.fail(f"{mutant.name} was not caught by {SEEN_OUTSIDE[mutant.name]}, only by {found}")
