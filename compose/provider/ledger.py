"""The provider's ledger: the one decision about each order, which never changes.

Each entry is a line that is appended to a file before it is answered, so it survives `kill -9`.
"""

import os
import secrets
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from schemas import timestamps
from schemas.money import Money

EntryKind = Literal["authorised", "declined", "refunded", "voided"]


class LedgerEntry(Struct, frozen=True):
    """One movement of an order's money."""

    order_id: str
    kind: EntryKind
    amount: Money | None  # None: a void, since nothing was authorised
    reference: str
    at: str
    method: str = ""


class AmountMismatchError(Exception):
    """The order has an authorisation with another amount."""


_decode = msgspec.json.Decoder(LedgerEntry).decode
_encode = msgspec.json.Encoder().encode


class Ledger:
    """All entries, in the file and in memory. A last line that a crash of the machine cut is dropped."""

    def __init__(self, path: Path) -> None:
        self.entries: list[LedgerEntry] = []
        self._authorisations: dict[str, LedgerEntry] = {}  # authorised or declined, by order
        self._refunds: dict[str, LedgerEntry] = {}  # refunded or voided, by order
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        content = path.read_bytes()
        complete = content[: content.rfind(b"\n") + 1]
        os.ftruncate(self._file, len(complete))
        for line in complete.splitlines():
            self._add(_decode(line))

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def authorise(self, order_id: str, amount: Money, method: str, *, decline: bool) -> LedgerEntry:
        """Authorise or decline; an order with an earlier decision gets it again.

        Raises AmountMismatchError.
        """
        earlier = self._authorisations.get(order_id)
        if earlier is None:
            is_declined = decline or order_id in self._refunds
            return self._append(order_id, "declined" if is_declined else "authorised", amount, method)
        if earlier.amount != amount:
            raise AmountMismatchError(order_id)
        return earlier

    def refund(self, order_id: str) -> LedgerEntry:
        """Refund what was authorised. If nothing was, void the order: a later authorisation is declined."""
        earlier = self._refunds.get(order_id)
        if earlier is not None:
            return earlier
        authorised = self._authorisations.get(order_id)
        if authorised is None or authorised.kind != "authorised":
            return self._append(order_id, "voided", None)
        return self._append(order_id, "refunded", authorised.amount)

    def _append(self, order_id: str, kind: EntryKind, amount: Money | None, method: str = "") -> LedgerEntry:
        now = timestamps.to_text(timestamps.wall_clock())
        entry = LedgerEntry(order_id, kind, amount, f"pay_{secrets.token_hex(8)}", now, method)
        os.write(self._file, _encode(entry) + b"\n")
        self._add(entry)
        return entry

    def _add(self, entry: LedgerEntry) -> None:
        self.entries.append(entry)
        index = self._authorisations if entry.kind in ("authorised", "declined") else self._refunds
        index[entry.order_id] = entry
