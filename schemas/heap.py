"""The garbage collector, told what kind of process this is: much that stays, and much that is gone at once."""

import gc

#: New objects until the young are looked through, such rounds until those that outlived one are, and until all are.
#: An order makes some hundred objects that refer to each other in no circle, so looking for circles finds next to none.
THRESHOLDS = (20_000, 20, 50)


def settle() -> None:
    """Leave out of every later collection what was made so far: modules, classes, what was read at the start."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
