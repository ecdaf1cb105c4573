"""The payment provider and its client, by seed: slow, declining, silent, and sending results twice."""

import asyncio
import random
from collections.abc import Callable

from msgspec import UNSET

from schemas import codec
from schemas.commands import PaymentResult
from schemas.payments import PaymentRequest
from streams.exactly_once.ports import Output
from tests.checker.observations import LedgerEntry

#: The provider's longest delay, in virtual seconds: longer than some reservations last.
MAX_DELAY = 7.0


class SimulatedProvider:
    """The provider's ledger: each payment is authorised at most once and refunded at most once."""

    def __init__(self, rng: random.Random, publish: Callable[[str, bytes], None]) -> None:
        self.ledger: list[LedgerEntry] = []
        self._rng = rng
        self._publish = publish  # a command to a restaurant
        self._decided: dict[str, str] = {}
        self._references: dict[str, str] = {}  # of the authorisations, by payment

    def request(self, output: Output) -> None:
        """Execute a committed request once or twice."""
        request = codec.decode(PaymentRequest, output.value or b"")
        for _ in range(self._rng.choice([1, 1, 1, 2])):
            slow = self._rng.random() < 0.1
            delay = self._rng.random() * (MAX_DELAY if slow else 0.3)
            asyncio.get_running_loop().call_later(delay, self._execute, request)

    def _execute(self, request: PaymentRequest) -> None:
        payment_id = request.payment_id or request.order_id
        if request.kind == "refund":
            outcome = self._refund(payment_id, request)
        else:
            outcome = self._authorise(payment_id, request)
            if self._rng.random() < 0.1:
                return  # executed, but the result is lost
        if outcome is None:
            return  # refused
        reference = self._references[payment_id] if outcome == "authorised" else UNSET
        result = PaymentResult(
            request.restaurant_id, request.order_id, request.kind, outcome, request.payment_id, reference
        )
        for _ in range(self._rng.choice([1, 1, 1, 2])):
            self._publish(request.restaurant_id, codec.encode(result))

    def _authorise(self, payment_id: str, request: PaymentRequest) -> str:
        if payment_id not in self._decided:
            self._decided[payment_id] = "declined" if self._rng.random() < 0.2 else "authorised"
            if self._decided[payment_id] == "authorised":
                self._references[payment_id] = reference = f"ref_{len(self._references)}"
                self.ledger.append(LedgerEntry(payment_id, "authorised", request.amount.amount, reference))
        return "authorised" if self._decided[payment_id] == "authorised" else "declined"

    def _refund(self, payment_id: str, request: PaymentRequest) -> str | None:
        """Return the outcome; None if the request names an authorisation that is not this payment's."""
        named = request.reference or ""
        if named and named != self._references.get(payment_id):
            return None
        before = self._decided.get(payment_id)
        if before == "authorised":
            self._decided[payment_id] = "refunded"
            amount = request.amount.amount
            self.ledger.append(LedgerEntry(payment_id, "refunded", amount, f"refund_{payment_id}", named))
        elif before is None:
            self._decided[payment_id] = "void"
        return "refunded" if self._decided[payment_id] == "refunded" else "nothing_to_refund"
