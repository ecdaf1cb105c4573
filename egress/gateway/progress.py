"""How far a partition is done with: up to the first request that is still under way. Pure."""


class Progress:
    """Requests of one partition begin in the order of their offsets and end in any."""

    def __init__(self) -> None:
        """Begin with none."""
        self._under_way: dict[int, None] = {}  # in the order of their beginning
        self._next = 0

    def begin(self, offset: int) -> None:
        """Count a request as under way."""
        self._under_way[offset] = None
        self._next = offset + 1

    def finish(self, offset: int) -> None:
        """Count it as done."""
        del self._under_way[offset]

    @property
    def position(self) -> int:
        """The offset that reading would have to go on from; everything before it is done."""
        return next(iter(self._under_way), self._next)
