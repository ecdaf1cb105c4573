"""The order of the faults: one or two at once; the same seed gives the same plan."""

import random
from collections.abc import Container, Iterator, Sequence

#: Share of the turns in which two faults overlap.
PAIR_SHARE = 0.25


def turns(seed: int, kinds: Sequence[str], alone: Container[str] = ()) -> Iterator[list[str]]:
    """Yield turns of one or two faults, without end; every kind comes once before any comes again.

    The kinds in `alone` never overlap with another.
    """
    rng = random.Random(f"{seed}/turns")
    while True:
        deck = list(kinds)
        rng.shuffle(deck)
        while deck:
            turn = [deck.pop()]
            if deck and rng.random() < PAIR_SHARE and turn[0] not in alone and deck[-1] not in alone:
                turn.append(deck.pop())
            yield turn


def fault_rng(seed: int, number: int) -> random.Random:
    """Return the random choices of one fault of the campaign."""
    return random.Random(f"{seed}/fault {number}")
