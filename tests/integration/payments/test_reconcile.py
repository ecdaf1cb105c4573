"""`promo reconcile` on a real broker and the simulated provider: its table, its exit status, pages of the books."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from msgspec.structs import asdict

from compose.kafka import topics
from compose.provider.app import MAX_PAGE_ENTRIES
from compose.provider.ledger import LedgerEntry
from compose.supervisor.services import ROOT
from egress.kafka.producer import encode
from schemas.facts import OrderCancelled, OrderConfirmed, PaymentRefunded
from schemas.kafka_connection import KafkaConnection
from schemas.money import Money
from schemas.runtime.kafka_clients import make_producer
from schemas.settings import Settings
from schemas.timestamps import from_text, to_text
from schemas.topics import FACT_TOPICS
from tests.support.payments.orders import TOTAL, order_state
from tests.support.payments.real_provider import ProviderClient, RealProvider
from tests.support.stack import start_kafka

#: Days of which no other test writes orders: one agrees, one does not.
GOOD_DAY, BAD_DAY = "2020-01-05", "2020-02-05"


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker of its own: on the shared one other tests leave facts that cannot be read."""
    server = start_kafka(tmp_path_factory.mktemp("kafka"))
    yield server.bootstrap
    server.stop()


@pytest.fixture
async def producer(kafka: str) -> AsyncIterator[AIOKafkaProducer]:
    """Writes facts, as the stream does."""
    await topics.create(Settings(kafka_bootstrap_servers=kafka))
    producer = make_producer(KafkaConnection(kafka))
    await producer.start()
    yield producer
    await producer.stop()


def entry(payment: str, kind: str, at: int) -> LedgerEntry:
    return LedgerEntry("o_1", kind, Money(TOTAL), f"ref_{payment}", to_text(at), "pix", payment)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def unreadable_fact(kafka: str, producer: AIOKafkaProducer) -> AsyncIterator[None]:
    """A fact that cannot be read, for the block; other runs on this broker do not find it."""
    written = await producer.send_and_wait(FACT_TOPICS[OrderCancelled].name, b"{", b"r1")
    yield
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.delete_records({written.topic_partition: RecordsToDelete(written.offset + 1)})
    await admin.close()


async def test_books_are_compared_with_facts(
    kafka: str, tmp_path: Path, producer: AIOKafkaProducer, session: aiohttp.ClientSession
) -> None:
    """0 without a difference, 1 with one, 2 where not all can be compared; books of several pages."""
    good, bad = (from_text(f"{day}T12:00:00Z") for day in (GOOD_DAY, BAD_DAY))

    async def write(cls: type, payment: str, at: int, version: int, refund: str = "") -> None:
        status = "cancelled" if refund else "received"
        state = order_state(
            f"o_{payment}", status, version, at, at, paid=True, refund=refund, payment_id=payment
        )  # type: ignore[arg-type]
        more = {"request_fingerprint": "f"} if cls is OrderConfirmed else {}
        fact = cls(**asdict(state), occurred_at=state.updated_at, **more)
        record = encode(FACT_TOPICS[cls].name, fact, f"{payment}-{version}", b"00-trace")
        await producer.send_and_wait(record.topic, record.value, record.key, headers=record.headers)

    await write(OrderConfirmed, "pay_a", good, 2)
    await write(OrderConfirmed, "pay_b", good, 2)
    await write(PaymentRefunded, "pay_b", good, 4, "refunded")
    await write(OrderCancelled, "pay_b", good, 3, "pending")
    await write(OrderConfirmed, "pay_c", bad, 2)
    await write(OrderCancelled, "pay_d", bad, 3, "pending")
    earlier = [entry(f"pay_old{n}", "authorised", good - 30 * 86_400_000) for n in range(MAX_PAGE_ENTRIES)]
    behind = [entry(f"pay_{n}", "declined", good) for n in range(MAX_PAGE_ENTRIES)]
    ledger = [
        *earlier,
        *(entry("pay_a", "authorised", good), entry("pay_b", "authorised", good)),
        *behind,
        entry("pay_b", "refunded", good),
        *(entry("pay_d", "authorised", bad), entry("pay_x", "authorised", bad)),
    ]
    token = tmp_path / "token"
    token.write_text("s3cret")
    books = tmp_path / "provider" / "payments" / "ledger.jsonl"
    books.parent.mkdir(parents=True)
    books.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in ledger))
    provider = RealProvider(tmp_path / "provider", token_file=token)
    environment = {
        **os.environ,
        "PROMO_KAFKA_BOOTSTRAP_SERVERS": kafka,
        "PROMO_PROVIDER_URL": provider.url,
        "PROMO_PROVIDER_TOKEN_FILE": str(token),
        "TMPDIR": str(tmp_path),
    }

    async def reconcile(*arguments: str, **other: str) -> tuple[int, list[str], str]:
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "compose", "reconcile", *arguments],
            cwd=ROOT,
            env=environment | other,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout.splitlines(), done.stderr

    try:
        code, (summary,), error = await reconcile("--day", GOOD_DAY)
        assert (code, error) == (0, "") and summary.startswith("2 payments compared, 0 differ")
        code, (_, *lines, summary), error = await reconcile("--day", BAD_DAY)
        assert (code, error) == (1, "")
        assert [line.split("\t")[:3] for line in lines] == [
            ["not-taken", "pay_c", "o_pay_c"],
            ["refund-missing", "pay_d", "o_pay_d"],
            ["unknown-payment", "pay_x", "o_1"],
        ]
        assert summary.startswith(
            "3 payments compared, 3 differ; not-taken 1, refund-missing 1, unknown-payment 1"
        )
        async with unreadable_fact(kafka, producer):
            code, (summary,), error = await reconcile("--day", GOOD_DAY)
        assert code == 2 and summary.endswith("1 facts could not be read") and "money owed" in error
        await ProviderClient(session, provider.url).behave(reject_status=404)
        code, lines, error = await reconcile("--day", GOOD_DAY)
        assert (code, lines) == (2, []) and "404" in error and "s3cret" not in error
        code, lines, error = await reconcile(PROMO_KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
        assert (code, lines) == (2, []) and "Kafka at 127.0.0.1:1" in error
        assert not list(tmp_path.glob("promo-reconcile-*"))
    finally:
        provider.stop()
