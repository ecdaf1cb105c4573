"""A phone is proved by a code, over HTTP; the store and the messenger are in memory."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from aiohttp import ClientSession

from ingress.customers.circuit import FAILURE_THRESHOLD, MAX_IN_FLIGHT, OPEN_SECONDS, Circuit
from ingress.customers.verifications import Verifications
from ingress.http.problems import Unavailable
from ingress.http.tokens import Tokens
from ingress.privacy.customer_ids import phone_customer_id
from schemas.settings import Settings
from tests.support.ingress.apps import HOST, application, serving
from tests.support.ingress.fakes import FakeProducer
from tests.support.ingress.phones import FakeCodes, FakeMessenger
from tests.support.ingress.samples import order_body
from tests.support.privacy.keyrings import complete_keyring
from tests.unit.ingress.conftest import Client

SETTINGS = Settings(
    admin_token="adm",
    token_secret="secret",
    order_reply_timeout_seconds=0.3,
    address_customers_per_second=0.001,
    address_customers_burst=2,
    rate_limit_exempt_networks="10.0.0.0/8",
)
VERIFICATIONS = "/v1/customers/verifications"
PHONE, OTHER = "+5581999990000", "+5581999990001"


@pytest.fixture
def messenger() -> FakeMessenger:
    return FakeMessenger()


@pytest.fixture
def codes() -> FakeCodes:
    return FakeCodes()


@pytest.fixture
async def client(log: FakeProducer, messenger: FakeMessenger, codes: FakeCodes) -> AsyncIterator[Client]:
    customer_id_of = partial(phone_customer_id, complete_keyring())
    app = application(SETTINGS, log, verifications=Verifications(SETTINGS, codes, messenger, customer_id_of))
    async with serving(app) as port, ClientSession(f"http://{HOST}:{port}") as session:
        yield Client(session, HOST, port)


async def post(client: Client, path: str, body: Any, **headers: str) -> tuple[int, dict[str, Any], Any]:
    """Return status, body and headers."""
    async with client.post(path, json=body, headers=headers) as response:
        return response.status, await response.json(), response.headers


async def begin(client: Client, phone: str = PHONE) -> str:
    """Begin a verification; return its path."""
    status, begun, _ = await post(client, VERIFICATIONS, {"phone": phone})
    assert status == 202 and set(begun) == {"verification_id", "expires_at"}
    return f"{VERIFICATIONS}/{begun['verification_id']}"


async def prove(client: Client, messenger: FakeMessenger, phone: str = PHONE) -> dict[str, Any]:
    """Prove a phone; return the customer."""
    path = await begin(client, phone)
    status, customer, headers = await post(client, path, {"code": messenger.last_code})
    assert status == 200 and headers["Cache-Control"] == "private, no-store"
    return customer


def wrong(messenger: FakeMessenger) -> str:
    """Return a code that was not sent."""
    return f"{(int(messenger.last_code) + 1) % 1_000_000:06}"


async def test_new_customers_are_devices(client: Client) -> None:
    """201 with a token that names the customer; two of them are two customers."""
    _, one, _ = await post(client, "/v1/customers", {})
    status, other, headers = await post(client, "/v1/customers", {})
    assert status == 201 and one["customer_id"] != other["customer_id"]
    assert headers["Cache-Control"] == "private, no-store"
    claims = Tokens("secret", "").read(other["token"])
    assert (claims.customer_id, claims.assurance) == (other["customer_id"], "device")  # type: ignore[union-attr]


async def test_one_address_gets_few_new_customers(client: Client) -> None:
    """429 by address with Retry-After; another address, and exempt networks, are not affected."""
    by = [(await post(client, "/v1/customers", {}, **{"X-Forwarded-For": "1.1.1.1"}))[::2] for _ in range(3)]
    assert [status for status, _ in by] == [201, 201, 429] and int(by[-1][1]["Retry-After"]) >= 1
    for other in ("2.2.2.2", "10.0.0.1", "10.0.0.1", "10.0.0.1"):
        assert (await post(client, "/v1/customers", {}, **{"X-Forwarded-For": other}))[0] == 201


async def test_same_phone_is_the_same_customer(client: Client, messenger: FakeMessenger) -> None:
    """In whatever form it is written; another phone is another customer, and no id shows a phone."""
    ids = [(await prove(client, messenger, phone))["customer_id"] for phone in (PHONE, "(81) 99999-0000")]
    assert ids[0] == ids[1] and ids[0].startswith("c_")
    other = await prove(client, messenger, OTHER)
    assert other["customer_id"] != ids[0] and other["assurance"] == "phone"


async def test_proved_phone_orders_as_its_customer(
    client: Client, messenger: FakeMessenger, log: FakeProducer
) -> None:
    """The command carries who the token proves, and how."""
    customer = await prove(client, messenger)
    headers = {"Authorization": f"Bearer {customer['token']}", "Idempotency-Key": "k"}
    assert (await post(client, "/v1/orders", order_body(), **headers))[0] == 201
    proved = log.written[0][1].customer  # type: ignore[union-attr]
    assert (proved.id, proved.assurance) == (customer["customer_id"], "phone")


async def test_the_message_is_in_the_readers_language(client: Client, messenger: FakeMessenger) -> None:
    """It begins with the code, in both."""
    for language, word in (("pt-BR", "código"), ("en", "your")):
        await post(client, VERIFICATIONS, {"phone": PHONE}, **{"Accept-Language": language})
        assert messenger.sent[-1][0] == PHONE and word in messenger.sent[-1][1]
        assert messenger.last_code.isdigit()


async def test_wrong_code_five_times_is_429(client: Client, messenger: FakeMessenger) -> None:
    """409 four times, then 429, also for the right code; Retry-After says when there may be another code."""
    path = await begin(client)
    answers = [await post(client, path, {"code": wrong(messenger)}) for _ in range(5)]
    assert [status for status, *_ in answers] == [409] * 4 + [429]
    assert int(answers[-1][2]["Retry-After"]) == SETTINGS.verification_resend_seconds
    assert answers[0][1]["type"] == "/problems/wrong-code"
    status, problem, _ = await post(client, path, {"code": messenger.last_code})
    assert (status, problem["type"]) == (429, "/problems/too-many-guesses")


async def test_right_code_may_be_sent_again(client: Client, messenger: FakeMessenger) -> None:
    """Its response may have been lost on the way."""
    path = await begin(client)
    ids = [(await post(client, path, {"code": messenger.last_code}))[1]["customer_id"] for _ in range(2)]
    assert ids[0] == ids[1]


async def test_unknown_verification_is_404(client: Client, messenger: FakeMessenger) -> None:
    """Whether it has expired or never was; a code is of one verification only."""
    assert (await post(client, f"{VERIFICATIONS}/{'0' * 32}", {"code": "000000"}))[0] == 404
    first = await begin(client)
    code = messenger.last_code
    await begin(client)
    if code != messenger.last_code:
        assert (await post(client, first, {"code": messenger.last_code}))[0] == 409
    assert (await post(client, first, {"code": code}))[0] == 200


@pytest.mark.parametrize("body", [{}, {"phone": ""}, {"phone": "99999-0000"}, {"phone": PHONE, "x": 1}])
async def test_bad_phone_is_400(client: Client, messenger: FakeMessenger, body: Any) -> None:
    """Nothing is sent."""
    assert (await post(client, VERIFICATIONS, body))[0] == 400
    assert not messenger.sent


@pytest.mark.parametrize("code", ["", "12345", "1234567", "12345a", "１２３４５６", 123456, None])
async def test_bad_code_is_400(client: Client, code: Any) -> None:
    """It counts as no guess."""
    path = await begin(client)
    assert (await post(client, path, {"code": code}))[0] == 400


async def test_too_many_codes_are_429(client: Client, messenger: FakeMessenger, codes: FakeCodes) -> None:
    """Retry-After is what the store says, and no message is sent."""
    codes.wait = 30
    status, _, headers = await post(client, VERIFICATIONS, {"phone": PHONE})
    assert (status, headers["Retry-After"]) == (429, "30") and not messenger.sent


@pytest.mark.parametrize("outage", ["down", "fails"])
async def test_messenger_that_is_out_is_503(
    client: Client, messenger: FakeMessenger, codes: FakeCodes, outage: str
) -> None:
    """Nothing stays counted, so an outage uses up no one's codes, whether it is known before or not."""
    setattr(messenger, outage, True)
    status, _, headers = await post(client, VERIFICATIONS, {"phone": PHONE})
    assert status == 503 and "Retry-After" in headers and not codes.codes


async def test_store_has_neither_phone_nor_code(
    client: Client, messenger: FakeMessenger, codes: FakeCodes
) -> None:
    """Digests only."""
    await begin(client)
    (sent,) = codes.codes.values()
    assert not {PHONE, PHONE[1:], messenger.last_code} & {sent.phone, sent.code, sent.customer_id}
    assert all(len(digest) == 64 for digest in (sent.phone, sent.code))


async def test_circuit_opens_and_probes_once() -> None:
    """After failures in a row no call is made for a while, then one; its success closes the circuit."""
    now = 0.0
    circuit = Circuit("messaging", lambda: now)  # type: ignore[arg-type, return-value]
    calls = 0

    async def fail() -> None:
        nonlocal calls
        calls += 1
        raise Unavailable()

    async def succeed() -> None:
        nonlocal calls
        calls += 1

    for _ in range(FAILURE_THRESHOLD + 3):
        with pytest.raises(Unavailable):
            await circuit.call(fail)
    assert calls == FAILURE_THRESHOLD
    now = OPEN_SECONDS
    for _ in range(3):
        with pytest.raises(Unavailable):
            await circuit.call(fail)
    assert calls == FAILURE_THRESHOLD + 1
    now *= 2
    for _ in range(3):
        await circuit.call(succeed)
    assert calls == FAILURE_THRESHOLD + 4


async def test_calls_in_flight_are_bounded() -> None:
    """A provider that hangs does not hold any number of requests."""
    circuit, answered = Circuit("messaging"), asyncio.Event()

    async def hang() -> None:
        await answered.wait()

    calls = [asyncio.ensure_future(circuit.call(hang)) for _ in range(MAX_IN_FLIGHT)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await circuit.call(hang)
    answered.set()
    await asyncio.gather(*calls)
