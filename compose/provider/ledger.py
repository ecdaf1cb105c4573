"""The provider's ledger: the one decision about each payment, which never changes.

Each entry is a line that is appended to a file before it is answered, so it survives `kill -9`.
"""

import bisect
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
    """One movement of a payment's money.

    `payment_id` is empty in an entry of an earlier release, whose payment had the order's id. `returns` is the
    reference of the authorisation that a refund named; empty: it named none.
    """

    order_id: str
    kind: EntryKind
    amount: Money | None  # None: a void, since nothing was authorised
    reference: str
    at: str
    method: str = ""
    payment_id: str = ""
    returns: str = ""


class AmountMismatchError(Exception):
    """The payment has an authorisation with another amount."""


class UnknownReferenceError(Exception):
    """The payment has no authorisation with this reference."""


_decode = msgspec.json.Decoder(LedgerEntry).decode
_encode = msgspec.json.Encoder().encode


class Ledger:
    """All entries, in the file and in memory. A last line that a crash of the machine cut is dropped."""

    def __init__(self, path: Path) -> None:
        self.entries: list[LedgerEntry] = []
        self._authorisations: dict[str, LedgerEntry] = {}  # authorised or declined, by payment
        self._refunds: dict[str, LedgerEntry] = {}  # refunded or voided, by payment
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

    def first_since(self, instant: str) -> int:
        """Return the index of the first entry that is not older than an instant, as our own RFC 3339 texts sort."""
        return bisect.bisect_left(self.entries, instant, key=lambda entry: entry.at)

    def authorise(
        self, payment_id: str, order_id: str, amount: Money, method: str, *, decline: bool
    ) -> LedgerEntry:
        """Authorise or decline; a payment with an earlier decision gets it again.

        Raises AmountMismatchError.
        """
        earlier = self._authorisations.get(payment_id)
        if earlier is None:
            is_declined = decline or payment_id in self._refunds
            kind: EntryKind = "declined" if is_declined else "authorised"
            return self._append(payment_id, order_id, kind, amount, method)
        if earlier.amount != amount:
            raise AmountMismatchError(payment_id)
        return earlier

    def refund(self, payment_id: str, order_id: str, reference: str | None = None) -> LedgerEntry:
        """Refund the authorisation with this reference, once.

        Without a reference, refund what was authorised. If nothing was, void the payment: a later authorisation is
        declined. Raises UnknownReferenceError.
        """
        authorised = self._authorisations.get(payment_id)
        if authorised is not None and authorised.kind != "authorised":
            authorised = None
        if reference is not None and (authorised is None or authorised.reference != reference):
            raise UnknownReferenceError(reference)
        earlier = self._refunds.get(payment_id)
        if earlier is not None:
            return earlier
        if authorised is None:
            return self._append(payment_id, order_id, "voided", None)
        return self._append(payment_id, order_id, "refunded", authorised.amount, returns=reference or "")

    def _append(
        self,
        payment_id: str,
        order_id: str,
        kind: EntryKind,
        amount: Money | None,
        method: str = "",
        returns: str = "",
    ) -> LedgerEntry:
        now = timestamps.to_text(timestamps.wall_clock())
        reference = f"ref_{secrets.token_hex(8)}"
        entry = LedgerEntry(order_id, kind, amount, reference, now, method, payment_id, returns)
        os.write(self._file, _encode(entry) + b"\n")
        self._add(entry)
        return entry

    def _add(self, entry: LedgerEntry) -> None:
        self.entries.append(entry)
        index = self._authorisations if entry.kind in ("authorised", "declined") else self._refunds
        index[entry.payment_id or entry.order_id] = entry
