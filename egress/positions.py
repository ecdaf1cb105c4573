"""Positions: the next offset of a partition that is not in the views yet. They travel with the views."""

from typing import NamedTuple


class Partition(NamedTuple):
    """One partition of one topic."""

    topic: str
    number: int

    @property
    def field(self) -> str:
        """The name of its position in the views."""
        return f"{self.topic}/{self.number}"


class Move(NamedTuple):
    """The records of [start, end) are in the writes that go with this."""

    partition: Partition
    start: int
    end: int
