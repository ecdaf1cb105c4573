"""Which faults, in which order, alone or two at once: the same seed plans the same campaign."""

import random
from collections.abc import Container, Iterator, Sequence

#: Share of the turns in which two faults overlap.
PAIRS = 0.25


def turns(seed: int, kinds: Sequence[str], alone: Container[str] = ()) -> Iterator[list[str]]:
    """Yield turn after turn, without end; every kind comes once before any comes again.

    Those of `alone` never overlap with another.
    """
    rng = random.Random(f"{seed}/turns")
    while True:
        deck = list(kinds)
        rng.shuffle(deck)
        while deck:
            turn = [deck.pop()]
            if deck and rng.random() < PAIRS and turn[0] not in alone and deck[-1] not in alone:
                turn.append(deck.pop())
            yield turn


def chance(seed: int, number: int) -> random.Random:
    """Return the dice of one fault of the campaign."""
    return random.Random(f"{seed}/fault {number}")
