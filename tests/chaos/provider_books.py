"""The campaign's payment provider: its behaviour, and its own ledger."""

import json
from pathlib import Path

import aiohttp

from tests.checker.observations import LedgerEntry

#: Slow, declining, failing, hanging, and sending results twice.
BAD = {
    "delay_ms": 30,
    "delay_jitter_ms": 100,
    "decline": 0.2,
    "error": 0.3,
    "hang": 0.05,
    "duplicate_callbacks": 0.1,
}
GOOD = {"delay_ms": 30}
#: The kinds of entries that move money; declined and voided ones do not.
MONEY_MOVES = ("authorised", "refunded")


class ProviderBooks:
    """Sets the behaviour of the simulated provider, and reads the file of its ledger."""

    def __init__(self, session: aiohttp.ClientSession, port: str, folder: Path) -> None:
        self._session = session
        self._url = f"http://127.0.0.1:{port}/behaviour"
        self._ledger = folder / "payments" / "ledger.jsonl"

    async def set_behaviour(self, behaviour: dict[str, float]) -> None:
        """Set the provider's behaviour until its next start."""
        async with self._session.put(self._url, json=behaviour) as response:
            response.raise_for_status()

    def entries(self) -> list[LedgerEntry]:
        """Return every movement of money."""
        entries = [json.loads(line) for line in self._ledger.read_text().splitlines()]
        return [
            LedgerEntry(e["payment_id"], e["kind"], e["amount"]["amount"], e["reference"], e["returns"])
            for e in entries
            if e["kind"] in MONEY_MOVES
        ]
