"""The state that decisions read, and the changes that they make to it."""

from typing import Generic, NamedTuple, Protocol, TypeVar, overload

from tables.records import Timer
from tables.registry import TIMERS, TableSpec, timer_key

D = TypeVar("D")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Table(Protocol[R_co]):
    """Read access to one table, by key; the registry says what the parts of a key are."""

    @overload
    def get(self, key: str, /) -> R_co | None: ...
    @overload
    def get(self, key: str, default: D, /) -> R_co | D: ...
    def __getitem__(self, key: str, /) -> R_co: ...
    def __contains__(self, key: object, /) -> bool: ...


class Change(NamedTuple, Generic[R]):
    """Put `record` under `key` of `table`; None deletes."""

    table: TableSpec[R]
    key: str
    record: R | None


class State(Protocol):
    """Read access to the tables of one partition, by their specs: `state[ORDERS].get(key)`."""

    def __getitem__(self, table: TableSpec[R], /) -> Table[R]: ...


class WritableState(State, Protocol):
    """A state that changes can be put into; later reads see them."""

    def put(self, change: Change[R], /) -> None: ...


def set_timer(timer: Timer) -> Change[Timer]:
    """Return the change that sets a timer."""
    return Change(TIMERS, timer_key(timer), timer)
