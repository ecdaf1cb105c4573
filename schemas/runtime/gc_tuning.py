"""Garbage collection for a process that keeps many objects and drops many more at once."""

import gc

#: New objects until a collection of the young generation, and collections until that of the middle and the old one.
#: An order makes some hundred objects without reference cycles, so a collection finds next to nothing.
THRESHOLDS = (20_000, 20, 50)


def freeze_startup_objects() -> None:
    """Exclude what exists now from every later collection: modules, classes, data read at the start."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
