"""The state that decisions read, and the changes that facts make to it."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from schemas.catalogue import Item, Promotion, Restaurant, Stock
from schemas.orders import Order
from tables.records import Allowance, Escrow, KeyEntry, Kitchen, Parked, Passed, Timer, Waiting
from tables.registry import TableSpec


class State(Protocol):
    """Read access to the tables of one partition; keys as the registry says."""

    @property
    def restaurants(self) -> Mapping[str, Restaurant]: ...
    @property
    def items(self) -> Mapping[str, Item]: ...
    @property
    def stocks(self) -> Mapping[str, Stock]: ...
    @property
    def promotions(self) -> Mapping[str, Promotion]: ...
    @property
    def allowances(self) -> Mapping[str, Allowance]: ...
    @property
    def kitchens(self) -> Mapping[str, Kitchen]: ...
    @property
    def orders(self) -> Mapping[str, Order]: ...
    @property
    def keys(self) -> Mapping[str, KeyEntry]: ...
    @property
    def waiting(self) -> Mapping[str, Waiting]: ...
    @property
    def escrows(self) -> Mapping[str, Escrow]: ...
    @property
    def parked(self) -> Mapping[str, Parked]: ...
    @property
    def passed(self) -> Mapping[str, Passed]: ...
    def due(self, now: int, limit: int) -> list[Timer]:
        """Return the timers that are due at `now`, earliest first, at most `limit`."""


class Change(NamedTuple):
    """Put `record` under `key` of `table`; None deletes."""

    table: TableSpec
    key: str
    record: Any
