"""The payment provider and its client, by seed: slow, declining, silent, and sending results twice."""

import asyncio
import random
from collections.abc import Callable

from schemas import codec
from schemas.commands import PaymentResult
from schemas.payments import PaymentRequest
from streams.exactly_once.ports import Output
from tests.checker.observations import LedgerEntry

#: The provider's longest delay, in virtual seconds: longer than some reservations last.
MAX_DELAY = 7.0


class SimulatedProvider:
    """The provider's ledger: each order is authorised at most once and refunded at most once."""

    def __init__(self, rng: random.Random, publish: Callable[[str, bytes], None]) -> None:
        self.ledger: list[LedgerEntry] = []
        self._rng = rng
        self._publish = publish  # a command to a restaurant
        self._decided: dict[str, str] = {}

    def request(self, output: Output) -> None:
        """Execute a committed request once or twice."""
        request = codec.decode(PaymentRequest, output.value or b"")
        for _ in range(self._rng.choice([1, 1, 1, 2])):
            slow = self._rng.random() < 0.1
            delay = self._rng.random() * (MAX_DELAY if slow else 0.3)
            asyncio.get_running_loop().call_later(delay, self._execute, request)

    def _execute(self, request: PaymentRequest) -> None:
        outcome = self._refund(request) if request.kind == "refund" else self._authorise(request)
        if request.kind == "authorise" and self._rng.random() < 0.1:
            return  # executed, but the result is lost
        result = PaymentResult(request.restaurant_id, request.order_id, request.kind, outcome)
        for _ in range(self._rng.choice([1, 1, 1, 2])):
            self._publish(request.restaurant_id, codec.encode(result))

    def _authorise(self, request: PaymentRequest) -> str:
        if request.order_id not in self._decided:
            self._decided[request.order_id] = "declined" if self._rng.random() < 0.2 else "authorised"
            if self._decided[request.order_id] == "authorised":
                self.ledger.append(LedgerEntry(request.order_id, "authorised", request.amount.amount))
        return "authorised" if self._decided[request.order_id] == "authorised" else "declined"

    def _refund(self, request: PaymentRequest) -> str:
        before = self._decided.get(request.order_id)
        if before == "authorised":
            self._decided[request.order_id] = "refunded"
            self.ledger.append(LedgerEntry(request.order_id, "refunded", request.amount.amount))
        elif before is None:
            self._decided[request.order_id] = "void"
        return "refunded" if self._decided[request.order_id] == "refunded" else "nothing_to_refund"
