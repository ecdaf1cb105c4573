"""A state with changes on top: for a command that leads to several decisions, each seeing those before it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from streams.domain.state import Change, State
from tables.records import Timer

_ABSENT = object()


class _Layer(Mapping[str, Any]):
    """One table with changes on top; read by key."""

    def __init__(self, below: Mapping[str, Any]) -> None:
        self._below = below
        self.changes: dict[str, Any] = {}

    def get(self, key: str, default: Any = None) -> Any:
        found = self.changes.get(key, _ABSENT)
        if found is _ABSENT:
            return self._below.get(key, default)
        return default if found is None else found

    def __getitem__(self, key: str) -> Any:
        record = self.get(key)
        if record is None:
            raise KeyError(key)
        return record

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.get(key) is not None

    def __iter__(self) -> Iterator[str]:
        raise TypeError("a table is read by key")

    def __len__(self) -> int:
        raise TypeError("a table is read by key")


class Overlay:
    """A State; `put` changes only what is seen through it."""

    def __init__(self, below: State) -> None:
        self._below = below
        self.restaurants = _Layer(below.restaurants)
        self.items = _Layer(below.items)
        self.stocks = _Layer(below.stocks)
        self.promotions = _Layer(below.promotions)
        self.allowances = _Layer(below.allowances)
        self.kitchens = _Layer(below.kitchens)
        self.orders = _Layer(below.orders)
        self.keys = _Layer(below.keys)
        self.waiting = _Layer(below.waiting)
        self.escrows = _Layer(below.escrows)
        self.parked = _Layer(below.parked)
        self.passed = _Layer(below.passed)

    def due(self, now: int, limit: int) -> list[Timer]:
        """Return the timers that are due in the state below: those put here are not seen."""
        return self._below.due(now, limit)

    def put(self, changes: Iterable[Change]) -> None:
        """Put the changes on top, except timers."""
        for change in changes:
            layer = getattr(self, change.table.name, None)
            if layer is not None:
                layer.changes[change.key] = change.record
