"""The provider's ledger: what it did, once for each order, and never otherwise afterwards.

Each entry is one line appended to a file before anybody is told of it, so it survives `kill -9`.
"""

import os
import secrets
import time
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from schemas import instants
from schemas.money import Money


class Entry(Struct, frozen=True):
    """One thing that was done to an order's money."""

    order_id: str
    kind: Literal["authorised", "declined", "refunded", "voided"]
    amount: Money | None  # None: a void, of what was never authorised
    reference: str
    at: str
    method: str = ""


class AmountDiffers(Exception):
    """The order was asked for with another amount before."""


_decode = msgspec.json.Decoder(Entry).decode
_encode = msgspec.json.Encoder().encode


class Ledger:
    """All entries, in the file and in memory."""

    def __init__(self, path: Path) -> None:
        """Read what is there; a last line that was cut by a crash of the machine is dropped."""
        self.entries: list[Entry] = []
        self._authorisations: dict[str, Entry] = {}  # the first answer to each order, authorised or declined
        self._refunds: dict[str, Entry] = {}  # refunded or voided
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        held = path.read_bytes()
        whole = held[: held.rfind(b"\n") + 1]
        os.ftruncate(self._file, len(whole))
        for line in whole.splitlines():
            self._remember(_decode(line))

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def authorise(self, order_id: str, amount: Money, method: str, *, decline: bool) -> Entry:
        """Authorise, or decline; an order that was asked for before gets its answer again.

        Raises AmountDiffers.
        """
        answered = self._authorisations.get(order_id)
        if answered is None:
            refused = decline or order_id in self._refunds
            return self._append(order_id, "declined" if refused else "authorised", amount, method)
        if answered.amount != amount:
            raise AmountDiffers(order_id)
        return answered

    def refund(self, order_id: str) -> Entry:
        """Give back what was authorised; where nothing was, see to it that nothing will be."""
        answered = self._refunds.get(order_id)
        if answered is not None:
            return answered
        authorised = self._authorisations.get(order_id)
        if authorised is None or authorised.kind != "authorised":
            return self._append(order_id, "voided", None)
        return self._append(order_id, "refunded", authorised.amount)

    def _append(
        self,
        order_id: str,
        kind: Literal["authorised", "declined", "refunded", "voided"],
        amount: Money | None,
        method: str = "",
    ) -> Entry:
        now = instants.to_text(time.time_ns() // 1_000_000)
        entry = Entry(order_id, kind, amount, f"pay_{secrets.token_hex(8)}", now, method)
        os.write(self._file, _encode(entry) + b"\n")
        self._remember(entry)
        return entry

    def _remember(self, entry: Entry) -> None:
        self.entries.append(entry)
        held = self._authorisations if entry.kind in ("authorised", "declined") else self._refunds
        held[entry.order_id] = entry
