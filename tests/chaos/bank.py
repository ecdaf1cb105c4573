"""The payment provider of the campaign: how badly it behaves, and its own books."""

import json
from pathlib import Path

import aiohttp

from tests.checker.observations import Entry

#: As bad as a provider may be on a Friday night: slow, declining, failing and hanging, telling things twice.
BAD = {
    "delay_ms": 30,
    "delay_jitter_ms": 100,
    "decline": 0.2,
    "error": 0.3,
    "hang": 0.05,
    "duplicate_callbacks": 0.1,
}
GOOD = {"delay_ms": 30}
#: What moves money; declined and voided entries do not.
MOVES = ("authorised", "refunded")


class Bank:
    """Tells the provider how to behave, and reads its books from its file."""

    def __init__(self, session: aiohttp.ClientSession, port: str, folder: Path) -> None:
        self._session = session
        self._url = f"http://127.0.0.1:{port}/behaviour"
        self._ledger = folder / "payments" / "ledger.jsonl"

    async def behave(self, behaviour: dict[str, float]) -> None:
        """Make the provider behave so from now on, until it is started again."""
        async with self._session.put(self._url, json=behaviour) as answer:
            answer.raise_for_status()

    def books(self) -> list[Entry]:
        """Return every movement of money."""
        entries = [json.loads(line) for line in self._ledger.read_text().splitlines()]
        return [Entry(e["order_id"], e["kind"], e["amount"]["amount"]) for e in entries if e["kind"] in MOVES]
