"""The simulated provider as a real process."""

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from compose import ports
from compose.supervisor.services import ROOT, fetch
from tests.support.stack import Server

#: The order of all payments of a ProviderClient; the provider goes by the payment.
ORDER = "o_of-all-payments"


class RealProvider(Server):
    """`python -m compose.provider`. A provider that is started again in a folder keeps its ledger."""

    def __init__(
        self, data_dir: Path, port: int | None = None, token_file: Path | None = None, **behaviour: float
    ) -> None:
        self.port = ports.any_free() if port is None else port
        self.url = f"http://{ports.LOOPBACK}:{self.port}"
        self.ledger_file = data_dir / "payments" / "ledger.jsonl"
        data_dir.mkdir(parents=True, exist_ok=True)
        settings = {
            "PYTHONPATH": str(ROOT),
            "PROMO_DATA_DIR": str(data_dir),
            "PROMO_PROVIDER_PORT": str(self.port),
            "PROMO_OPS_PORT": "0",
            "PROMO_PROVIDER_TOKEN_FILE": str(token_file or ""),
            "PROMO_PROVIDER_BEHAVIOUR": msgspec.json.encode(behaviour).decode(),
        }
        command = [
            "env",
            *(f"{name}={value}" for name, value in settings.items()),
            sys.executable,
            "-m",
            "compose.provider",
        ]
        super().__init__(
            lambda: command,
            data_dir,
            data_dir / "provider.log",
            lambda: fetch(self.url + "/behaviour") is not None,
        )


class ProviderClient:
    """Calls the provider as egress does, but returns every answer."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def send(
        self, method: str, path: str, body: object = None, timeout: float = 5.0, **headers: str
    ) -> tuple[int, Any]:
        request = self._session.request(
            method,
            self._url + path,
            json=body,
            headers=headers,
            timeout=aiohttp.ClientTimeout(timeout),
        )
        async with request as response:
            return response.status, msgspec.json.decode(await response.read())

    async def authorise(self, payment_id: str, amount: int = 990, timeout: float = 5.0) -> tuple[int, Any]:
        money = {"amount": amount, "currency": "BRL"}
        body = {"payment_id": payment_id, "order_id": ORDER, "amount": money, "method": "pix"}
        return await self.send("POST", "/authorisations", body, timeout, **{"Idempotency-Key": payment_id})

    async def refund(self, payment_id: str, reference: str | None = None) -> tuple[int, Any]:
        body = {"payment_id": payment_id, "order_id": ORDER, "reference": reference}
        return await self.send("POST", "/refunds", body)

    async def behave(self, **behaviour: float) -> tuple[int, Any]:
        return await self.send("PUT", "/behaviour", behaviour)

    async def ledger(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = []
        after: str | None = "0"
        while after is not None:
            _, page = await self.send("GET", f"/ledger?after={after}")
            entries += page["entries"]
            after = page["next"]
        return entries

    async def kinds(self, payment_id: str) -> Counter[str]:
        """Return the entries of a payment by kind."""
        return Counter(e["kind"] for e in await self.ledger() if e["payment_id"] == payment_id)
