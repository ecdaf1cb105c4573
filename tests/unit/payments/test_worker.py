"""The payment worker, over requests, results and a provider in memory."""

import asyncio
import time
from collections import Counter
from contextlib import AbstractAsyncContextManager

import pytest
from aiokafka.errors import KafkaConnectionError
from msgspec import UNSET
from msgspec.structs import replace

from egress.kafka.records import Partition
from egress.payments import executor as executors
from egress.payments import worker as workers
from egress.payments.executor import PaymentExecutor
from egress.payments.worker import PaymentWorker
from egress.resilience.circuit_breaker import CircuitBreaker
from egress.resilience.errors import AccessError, PermanentError, TransientError
from egress.resilience.retry_budget import RetryBudget
from tests.support.egress.fake_dead_letters import FakeDeadLetters
from tests.support.egress.metric_values import value as metric
from tests.support.egress.running import running
from tests.support.payments.fakes import (
    FAR,
    P0,
    P1,
    REFERENCE,
    FakeProvider,
    FakeRequestConsumer,
    FakeResultProducer,
    request,
)
from tests.support.virtual_clock import in_virtual_time
from tests.support.waiting import eventually

DOWN = TransientError("a planned failure")
SHUT_OUT = AccessError("401: another token", "credentials", 401)
HOUR = 3_600.0


class PaymentHarness:
    """A payment worker and everything around it."""

    def __init__(self) -> None:
        self.provider = FakeProvider()
        self.requests = FakeRequestConsumer()
        self.results = FakeResultProducer()
        self.dead_letters = FakeDeadLetters()

    def running(
        self, threshold: int = 1_000, budget: RetryBudget | None = None
    ) -> AbstractAsyncContextManager["asyncio.Task[None]"]:
        """Run a worker for the length of the block."""
        breaker = CircuitBreaker("test", threshold)
        executor = PaymentExecutor(self.provider, breaker, budget or RetryBudget(max_tokens=10_000))
        worker = PaymentWorker(self.requests, self.results, self.dead_letters, executor)
        return running(worker.run())

    async def until_committed(self, partition: Partition = P0, seconds: float = 60.0) -> None:
        """Return when every request of a partition is committed."""
        last = self.requests.records[partition][-1].offset
        await eventually(lambda: self.requests.committed.get(partition) == last + 1, seconds)


@pytest.fixture
def harness() -> PaymentHarness:
    """A harness of its own."""
    return PaymentHarness()


@in_virtual_time
async def test_requests_become_results(harness: PaymentHarness) -> None:
    """The main job."""
    harness.requests.append_request(request("o1"))
    harness.requests.append_request(request("o2", "refund"), P1)
    harness.requests.append_request(request("o3"))
    harness.provider.plan["o3"] = ["declined"]
    async with harness.running():
        await harness.until_committed(P0)
        await harness.until_committed(P1)
    assert sorted(harness.results.results) == [
        ("o1", "authorise", "authorised"),
        ("o2", "refund", "refunded"),
        ("o3", "authorise", "declined"),
    ]


@in_virtual_time
async def test_result_is_of_the_requests_payment(harness: PaymentHarness) -> None:
    """With the reference of an authorisation; a request without a payment id has a result without one."""
    harness.requests.append_request(replace(request("o1"), payment_id="pay_1"))
    harness.requests.append_request(replace(request("o1", "refund"), payment_id="pay_1", reference=REFERENCE))
    harness.requests.append_request(request("o2"))
    async with harness.running():
        await harness.until_committed(P0)
    named = {(one.order_id, one.kind): (one.payment_id, one.reference) for one in harness.results.written}
    assert named == {
        ("o1", "authorise"): ("pay_1", REFERENCE),
        ("o1", "refund"): ("pay_1", UNSET),
        ("o2", "authorise"): (UNSET, REFERENCE),
    }


@in_virtual_time
async def test_hanging_request_blocks_no_other(harness: PaymentHarness) -> None:
    """Calls are parallel. Offsets are committed up to the first request that is not done."""
    release = asyncio.Event()
    harness.provider.plan["o0"] = [release]
    for n in range(100):
        harness.requests.append_request(request(f"o{n}"))
    async with harness.running():
        await eventually(lambda: len(harness.results.results) == 99)
        await asyncio.sleep(2 * workers.COMMIT_INTERVAL_SECONDS)
        assert harness.requests.committed[P0] == 0
        release.set()
        await harness.until_committed()
    assert harness.provider.max_in_flight <= executors.MAX_CALLS


@in_virtual_time
async def test_crash_loses_no_request(harness: PaymentHarness) -> None:
    """kill -9: what was not committed is carried out again."""
    harness.provider.plan["o0"] = [asyncio.Event()]
    for n in range(20):
        harness.requests.append_request(request(f"o{n}"))
    async with harness.running():
        await eventually(lambda: len(harness.results.results) == 19)
    async with harness.running():
        await harness.until_committed()
    assert {order for order, _, _ in harness.results.results} == {f"o{n}" for n in range(20)}


@in_virtual_time
async def test_rebalance_resumes_at_committed(harness: PaymentHarness) -> None:
    """What was read before it may be another member's, or this one's again."""
    harness.provider.plan["o0"] = [asyncio.Event()]
    for n in range(20):
        harness.requests.append_request(request(f"o{n}"))
    async with harness.running():
        await eventually(lambda: len(harness.results.results) == 19)
        harness.requests.is_reassigned = True
        await harness.until_committed()
    assert Counter(harness.results.results)["o0", "authorise", "authorised"] == 1


@in_virtual_time
async def test_failed_result_is_not_committed(harness: PaymentHarness) -> None:
    """The next worker calls the provider again, and the stream applies the result once."""
    harness.requests.append_request(request("o1"))
    harness.results.failures = 1
    async with harness.running() as task:
        with pytest.raises(KafkaConnectionError):
            await task
    assert not harness.requests.committed.get(P0)
    async with harness.running():
        await harness.until_committed()
    assert harness.results.results == [("o1", "authorise", "authorised")] * 2


@in_virtual_time
async def test_failed_call_is_retried_and_counted(harness: PaymentHarness) -> None:
    """Contract: `promo_retries_total{name}`."""
    harness.requests.append_request(request("o1"))
    harness.provider.plan["o1"] = [DOWN, DOWN]
    before = metric("promo_retries_total", name="payments")
    async with harness.running():
        await harness.until_committed()
    assert harness.provider.calls == ["o1"] * 3
    assert metric("promo_retries_total", name="payments") == before + 2


@in_virtual_time
async def test_authorisation_attempts_are_limited(harness: PaymentHarness) -> None:
    """The stream lets the reservation expire by itself."""
    harness.requests.append_request(request("o1"))
    harness.provider.plan["o1"] = [DOWN] * 100
    async with harness.running():
        await harness.until_committed()
    assert len(harness.provider.calls) == executors.MAX_AUTHORISE_ATTEMPTS and not harness.results.results


@in_virtual_time
async def test_no_authorisation_after_its_deadline(harness: PaymentHarness) -> None:
    """A request from before a long outage."""
    harness.requests.append_request(request("o1", deadline=1))
    async with harness.running():
        await harness.until_committed()
    assert not harness.provider.calls and not harness.results.results


@in_virtual_time
async def test_open_circuit_delays_authorisations(harness: PaymentHarness) -> None:
    """They wait until the provider is back, or until their deadline."""
    soon = time.time_ns() // 1_000_000 + 3_000
    harness.requests.append_request(request("o1"))
    harness.provider.plan["o1"] = [DOWN] * 100
    for n in range(2, 10):
        harness.requests.append_request(request(f"o{n}", deadline=soon))
        harness.provider.plan[f"o{n}"] = [DOWN] * 100
    async with harness.running(threshold=1):
        await eventually(lambda: time.time() * 1000 > soon + 1_000)
        assert not harness.results.results
        harness.provider.plan = {}
        await harness.until_committed()
    assert harness.results.results == [("o1", "authorise", "authorised")]


@in_virtual_time
async def test_refund_is_retried_indefinitely(harness: PaymentHarness) -> None:
    """Money that is owed is not forgotten, however long the provider is away; metrics show it."""
    harness.requests.append_request(request("o1", "refund"))
    harness.provider.plan["o1"] = [DOWN] * 60
    async with harness.running(threshold=40):
        await eventually(lambda: len(harness.provider.calls) > 45, HOUR)
        assert metric("promo_payments_pending", kind="refund") == 1
        assert metric("promo_payments_oldest_pending_seconds", kind="refund") > 0
        await harness.until_committed(seconds=HOUR)
    assert harness.results.results == [("o1", "refund", "refunded")]


@in_virtual_time
async def test_retries_keep_to_the_budget(harness: PaymentHarness) -> None:
    """A provider that is down does not get a multiple of the load."""
    for n in range(100):
        harness.requests.append_request(request(f"o{n}", "refund"))
        harness.provider.plan[f"o{n}"] = [DOWN] * 1_000
    async with harness.running(
        budget=RetryBudget(tokens_per_attempt=0.2, max_tokens=10, tokens_per_second=0)
    ):
        await eventually(lambda: len(harness.provider.calls) >= 110)
        await asyncio.sleep(300)
        assert len(harness.provider.calls) <= 100 + 10 + 20


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"r1", b"{"),
        (b"r1", None),
        (None, None),
        (b"r1", b"[" * 10_000),
        (
            b"r2",
            b'{"restaurant_id":"r1","order_id":"o","kind":"refund","amount":{"amount":1},"method":"pix"}',
        ),
        (
            b"r1",
            b'{"restaurant_id":"r1","order_id":"o","kind":"authorise","amount":{"amount":1},"method":"pix"}',
        ),
        (b"r1", b'{"restaurant_id":"r1","order_id":"o","kind":"steal","amount":{"amount":1},"method":"pix"}'),
    ],
)
@in_virtual_time
async def test_unreadable_request_is_set_aside(
    harness: PaymentHarness, key: bytes | None, value: bytes | None
) -> None:
    """It must not stop the payments behind it; its bytes and the reason are kept."""
    harness.requests.append(P0, value, key)
    harness.requests.append_request(request("o1"))
    async with harness.running():
        await harness.until_committed()
    ((record, reason, _),) = harness.dead_letters.letters
    assert (record.key, record.value, record.offset, reason) == (key, value, 0, "unreadable")
    assert harness.results.results == [("o1", "authorise", "authorised")]


@in_virtual_time
async def test_refused_request_is_set_aside(harness: PaymentHarness) -> None:
    """A repetition would not help, and a person has to look."""
    harness.requests.append_request(request("o1", "refund"))
    harness.provider.plan["o1"] = [PermanentError("422: another amount")]
    async with harness.running():
        await harness.until_committed()
    assert [letter.reason for letter in harness.dead_letters.letters] == [
        "refused"
    ] and not harness.results.results


@in_virtual_time
async def test_rejected_credentials_lose_no_refund(harness: PaymentHarness) -> None:
    """The provider shuts us out for an hour: refunds wait, authorisations end at their deadline, and none is dead."""
    soon = time.time_ns() // 1_000_000 + 20_000
    before = metric("promo_provider_rejections_total", cause="credentials")
    for n in range(20):
        harness.requests.append_request(request(f"r{n}", "refund"))
        harness.provider.plan[f"r{n}"] = [SHUT_OUT] * 10_000
    harness.requests.append_request(request("a", deadline=soon), P1)
    harness.provider.plan["a"] = [SHUT_OUT] * 10_000
    async with harness.running(threshold=10):
        await harness.until_committed(P1)
        await asyncio.sleep(HOUR)
        assert metric("promo_payments_pending", kind="refund") == 20
        assert metric("promo_provider_rejections_total", cause="credentials") > before
        assert len(harness.provider.calls) < HOUR
        assert not harness.results.results
        harness.provider.plan = {}
        await harness.until_committed()
    assert sorted(harness.results.results) == sorted((f"r{n}", "refund", "refunded") for n in range(20))
    assert not harness.dead_letters.letters


@in_virtual_time
async def test_failed_dead_letter_is_not_committed(harness: PaymentHarness) -> None:
    """A dead letter is written before the offset is committed."""
    harness.requests.append(P0, b"{")
    harness.dead_letters.failures = 1
    async with harness.running() as task:
        with pytest.raises(KafkaConnectionError):
            await task
    assert not harness.requests.committed.get(P0)


@in_virtual_time
async def test_duplicate_answer_is_written_twice(harness: PaymentHarness) -> None:
    """Providers call back more than once; the stream applies the first."""
    harness.requests.append_request(request("o1"))
    harness.provider.duplicate = True
    async with harness.running():
        await harness.until_committed()
    assert harness.results.results == [("o1", "authorise", "authorised")] * 2


@in_virtual_time
async def test_requests_in_flight_are_limited(
    harness: PaymentHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded while the provider is away; further requests stay in the log."""
    monkeypatch.setattr(workers, "MAX_IN_FLIGHT", 10)
    release = asyncio.Event()
    for n in range(30):
        harness.requests.append_request(request(f"o{n}", deadline=FAR))
        harness.provider.plan[f"o{n}"] = [release]
    async with harness.running():
        await eventually(lambda: len(harness.provider.calls) == 10)
        await asyncio.sleep(60)
        assert len(harness.provider.calls) == 10 and max(harness.requests.reads) == 10
        release.set()
        await harness.until_committed()
