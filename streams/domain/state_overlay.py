"""A state with changes on top: a command may need several decisions, each of which sees the earlier ones."""

from typing import Any, Generic, TypeVar

from streams.domain.state import Change, State, Table
from tables.registry import TableSpec

R = TypeVar("R")

_ABSENT = object()


class _Layer(Generic[R]):
    """One table with changes on top."""

    def __init__(self, base: Table[R]) -> None:
        self._base = base
        self.changes: dict[str, R | None] = {}

    def get(self, key: str, default: Any = None, /) -> Any:
        found = self.changes.get(key, _ABSENT)
        if found is _ABSENT:
            return self._base.get(key, default)
        return default if found is None else found

    def __getitem__(self, key: str, /) -> R:
        record = self.get(key)
        if record is None:
            raise KeyError(key)
        return record  # type: ignore[no-any-return]

    def __contains__(self, key: object, /) -> bool:
        return isinstance(key, str) and self.get(key) is not None


class StateOverlay:
    """A WritableState over another State; `put` changes only what is read through the overlay."""

    def __init__(self, base: State) -> None:
        self._base = base
        self._layers: dict[str, _Layer[Any]] = {}

    def __getitem__(self, table: TableSpec[R], /) -> Table[R]:
        return self._layer(table)

    def put(self, change: Change[R], /) -> None:
        """Put a change on top."""
        self._layer(change.table).changes[change.key] = change.record

    def _layer(self, table: TableSpec[R]) -> _Layer[R]:
        layer = self._layers.get(table.name)
        if layer is None:
            layer = self._layers[table.name] = _Layer(self._base[table])
        return layer
