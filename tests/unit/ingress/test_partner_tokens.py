"""JWTs of partners: whose signature, for whom, and when; with real keys, a key set in memory, and a clock by hand."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import ClientSession
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from ingress.customers.issuer_keys import (
    FRESH_SECONDS,
    MAX_BYTES,
    MIN_INTERVAL_SECONDS,
    RETRY_SECONDS,
    USABLE_SECONDS,
    IssuerKeys,
    read_keys,
)
from ingress.customers.partner_tokens import (
    SKEW_SECONDS,
    Issuer,
    PartnerTokens,
    faults,
    make_partner_tokens,
)
from ingress.http.problems import Problem, Unavailable
from schemas.settings import Settings
from tests.support.ingress.apps import HOST, application, serving
from tests.support.ingress.fakes import FakeProducer
from tests.support.ingress.samples import as_customer, order_body
from tests.unit.ingress.conftest import Client

NOW = 1_800_000_000.0
ISSUER = Issuer("https://shop.example", "promo", "phone", jwks_file="keys.json")
RSA, WEAK = (rsa.generate_private_key(65537, bits) for bits in (2048, 1024))
EC, OTHER_EC = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
KEYS: dict[str, tuple[Any, str]] = {"rsa": (RSA, "RS256"), "ec": (EC, "ES256"), "ed": (ED, "EdDSA")}
CLAIMS = {"iss": ISSUER.issuer, "aud": ISSUER.audience, "sub": "u-1", "exp": NOW + 300}
RSA_PEM = RSA.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


def jwk(kid: str, key: Any, **more: Any) -> dict[str, Any]:
    """Return a public key as an entry of a key set."""
    kinds = {rsa.RSAPrivateKey: RSAAlgorithm, ec.EllipticCurvePrivateKey: ECAlgorithm}
    kind = next((made for cls, made in kinds.items() if isinstance(key, cls)), OKPAlgorithm)
    return json.loads(kind.to_jwk(key.public_key())) | {"kid": kid} | more  # type: ignore[attr-defined]


class KeyServer:
    """An issuer's key set, and how often it was asked for."""

    def __init__(self) -> None:
        self.keys = [jwk(kid, key) for kid, (key, _) in KEYS.items()]
        self.loads = 0
        self.down = False
        self.now = 0.0

    async def load(self) -> bytes:
        self.loads += 1
        if self.down:
            raise OSError
        return json.dumps({"keys": self.keys}).encode()

    def follow(self) -> IssuerKeys:
        """Return the keys as ingress holds them."""
        return IssuerKeys("shop", self.load, lambda: self.now)  # type: ignore[arg-type, return-value]


@pytest.fixture
def server() -> KeyServer:
    return KeyServer()


def partners(server: KeyServer) -> PartnerTokens:
    """Return what verifies the tokens of the issuer."""
    return PartnerTokens([ISSUER], {ISSUER.issuer: server.follow()}, lambda: NOW)  # type: ignore[arg-type, return-value]


def token(kid: str = "ec", **claims: Any) -> str:
    """Return a token of the issuer, with these claims changed; None: without."""
    key, algorithm = KEYS[kid]
    given = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
    return jwt.encode(given, key, algorithm, headers={"kid": kid})


def hand_made(header: dict[str, Any], claims: dict[str, Any], secret: bytes = b"") -> str:
    """Return a token that a library would not make: any header, signed by HMAC or not at all."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    signed = b".".join(parts)
    mac = hmac.digest(secret, signed, hashlib.sha256) if secret else b""
    return (signed + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


async def refusal(tokens: PartnerTokens, text: str) -> str:
    """Return why a token is refused; "" if it is not."""
    try:
        await tokens.read(text)
    except Problem as problem:
        assert problem.slug == "unauthorized"
        return problem.headers["WWW-Authenticate"].partition('error_description="')[2].rstrip('"')
    return ""


@pytest.mark.parametrize("kid", KEYS)
async def test_token_of_a_configured_issuer_is_a_customers(server: KeyServer, kid: str) -> None:
    """The id is a digest of issuer and subject, the assurance the issuer's; the same subject is the same customer."""
    tokens = partners(server)
    customer = await tokens.read(token(kid))
    assert customer.id.startswith("p_") and customer.assurance == "phone" and "u-1" not in customer.id
    assert await tokens.read(token(kid, exp=NOW + 10)) == customer
    assert (await tokens.read(token(kid, sub="u-2"))).id != customer.id


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "https://other.example"}, "unknown issuer"),
        ({"iss": ""}, "unknown issuer"),
        ({"aud": "another"}, "wrong audience"),
        ({"aud": None}, "wrong audience"),
        ({"aud": ["another", "promo"]}, ""),
        ({"sub": None}, "wrong audience"),
        ({"sub": ""}, "malformed"),
        ({"sub": "x" * 256}, "malformed"),
        ({"exp": None}, "wrong audience"),
        ({"exp": "soon"}, "malformed"),
        ({"exp": True}, "malformed"),
        ({"exp": NOW - SKEW_SECONDS + 1}, ""),
        ({"exp": NOW - SKEW_SECONDS}, "expired"),
        ({"nbf": NOW + SKEW_SECONDS}, ""),
        ({"nbf": NOW + SKEW_SECONDS + 1}, "not yet valid"),
    ],
)
async def test_claims_are_checked_to_the_second(
    server: KeyServer, claims: dict[str, Any], reason: str
) -> None:
    """Clocks may differ by a minute, in either direction."""
    assert await refusal(partners(server), token(**claims)) == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (hand_made({"alg": "ES256", "kid": "ec"}, CLAIMS | {"iss": [ISSUER.issuer]}), "unknown issuer"),
        (hand_made({"alg": "none", "kid": "ec"}, CLAIMS), "wrong algorithm"),
        (hand_made({"alg": "HS256", "kid": "rsa"}, CLAIMS, RSA_PEM), "wrong algorithm"),
        (hand_made({"alg": "HS512", "kid": "rsa"}, CLAIMS, RSA_PEM), "wrong algorithm"),
        (hand_made({"alg": "RS256", "kid": "rsa"}, CLAIMS, RSA_PEM), "invalid signature"),
        (hand_made({"alg": "ES256", "kid": "rsa"}, CLAIMS, b"x"), "wrong algorithm"),
        (hand_made({"alg": ["RS256"], "kid": "rsa"}, CLAIMS, b"x"), "wrong algorithm"),
        (jwt.encode(CLAIMS, RSA, "RS512", headers={"kid": "rsa"}), "wrong algorithm"),
        (jwt.encode(CLAIMS, RSA, "PS256", headers={"kid": "rsa"}), "wrong algorithm"),
        (jwt.encode(CLAIMS, OTHER_EC, "ES256", headers={"kid": "ec"}), "invalid signature"),
        (jwt.encode(CLAIMS, EC, "ES256"), "invalid signature"),
        (jwt.encode(CLAIMS, EC, "ES256", headers={"kid": "gone"}), "invalid signature"),
        (token()[:-4] + "AAAA", "invalid signature"),
    ],
)
async def test_no_signature_but_the_issuers_is_accepted(server: KeyServer, text: str, reason: str) -> None:
    """Swapped algorithms, a public key used as a secret, a stranger's key, no key."""
    assert await refusal(partners(server), text) == reason


async def test_rotated_keys_are_fetched_at_once_and_seldom(server: KeyServer) -> None:
    """A new `kid` is found; unknown ones lead to one fetch a minute, and may be new: 503 until then, not 401."""
    keys = server.follow()
    assert await keys.find("ec") is not None and server.loads == 1
    server.keys = [jwk("new", OTHER_EC)]
    server.now = MIN_INTERVAL_SECONDS
    assert await keys.find("new") is not None and server.loads == 2
    server.now += 1
    server.keys.append(jwk("newer", EC))
    for kid in ("newer", *(f"unknown-{number}" for number in range(100))):
        with pytest.raises(Unavailable) as refused:
            await keys.find(kid)
        wait = int(refused.value.headers["Retry-After"])
        assert MIN_INTERVAL_SECONDS - 1 < wait <= MIN_INTERVAL_SECONDS + 2
    assert server.loads == 2
    server.now += wait
    assert await keys.find("unknown") is None and await keys.find("newer") is not None
    assert server.loads == 3


async def test_removed_key_ends_in_five_minutes(server: KeyServer) -> None:
    """Also if every token names a known key; while the issuer is out, an unknown key is not judged."""
    keys = server.follow()
    assert await keys.find("ec") is not None
    server.keys = [jwk("new", OTHER_EC)]
    server.now = 300
    assert await keys.find("ec") is None and server.loads == 2
    server.down = True
    server.now += MIN_INTERVAL_SECONDS
    with pytest.raises(Unavailable):
        await keys.find("ec")
    assert server.loads == 3


async def test_changed_file_of_keys_is_read_at_once(tmp_path: Path) -> None:
    """A new key is known and a removed one is not, with the next token; a half-written file leaves the last keys."""
    file = tmp_path / "keys.json"
    issuer = {"issuer": "shop", "audience": "promo", "assurance": "phone", "jwks_file": str(file)}
    settings = Settings(jwt_issuers=json.dumps([issuer]))

    def write(raw: bytes) -> None:
        (tmp_path / "next").write_bytes(raw)
        (tmp_path / "next").replace(file)

    def key_set(kid: str) -> bytes:
        return json.dumps({"keys": [jwk(kid, KEYS[kid][0])]}).encode()

    async def accepts(kid: str) -> bool:
        try:
            await tokens.read(token(kid, iss="shop", exp=4_000_000_000))
        except Unavailable:
            raise
        except Problem:
            return False
        return True

    async with ClientSession() as session:
        tokens = make_partner_tokens(settings, session)
        with pytest.raises(Unavailable):
            await accepts("ec")
        for new, removed in (("ec", "ed"), ("ed", "ec"), ("ec", "ed")):
            write(key_set(new))
            assert await accepts(new) and not await accepts(removed)
        write(b"{")
        assert await accepts("ec")
        with pytest.raises(Unavailable):
            await accepts("ed")
        file.unlink()
        assert await accepts("ec")
        write(key_set("ed"))
        assert await accepts("ed") and not await accepts("ec")


async def test_known_keys_outlast_an_outage_of_their_issuer(server: KeyServer) -> None:
    """For a day; without any, tokens cannot be judged, which is 503 and not 401."""
    keys = server.follow()
    server.down = True
    with pytest.raises(Unavailable):
        await keys.find("ec")
    server.down = False
    with pytest.raises(Unavailable):
        await keys.find("ec")  # not asked again at once
    server.now = RETRY_SECONDS
    assert await keys.find("ec") is not None and server.loads == 2
    server.down = True
    server.now += FRESH_SECONDS
    assert await keys.find("ec") is not None and server.loads == 3
    server.now += USABLE_SECONDS
    with pytest.raises(Unavailable):
        await keys.find("ec")


def test_key_set_has_keys_that_we_accept_only() -> None:
    """No secrets, no weak or foreign keys, no keys for encryption; and what cannot be read is skipped."""
    entries = [
        jwk("rsa", RSA),
        jwk("weak", WEAK),
        jwk("long", RSA, alg="RS512"),
        jwk("enc", RSA, use="enc"),
        {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"},
        {"kty": "EC", "kid": "broken"},
        {"kid": 1},
        "x",
        jwk("curve", ec.generate_private_key(ec.SECP384R1())),
    ]
    assert set(read_keys(json.dumps({"keys": entries}).encode())) == {"rsa"}
    for raw in (b"", b"[]", b"{}", b'{"keys":1}', b" " * (MAX_BYTES + 1)):
        with pytest.raises(ValueError):
            read_keys(raw)


@pytest.mark.parametrize(
    ("setting", "count"),
    [
        ("", 0),
        ('[{"issuer":"a","audience":"b","assurance":"device","jwks_file":"f"}]', 0),
        ('[{"issuer":"a","audience":"b","assurance":"device","jwks_url":"http://a.example"}]', 1),
        ('[{"issuer":"a","audience":"b","assurance":"device"}]', 1),
        ('[{"issuer":"a","audience":"","assurance":"device","jwks_file":"f"}]', 1),
        ('[{"issuer":"a","audience":"b","assurance":"none","jwks_file":"f"}]', 1),
        ('[{"issuer":"a","secret":"s"}]', 1),
    ],
)
def test_setting_of_issuers_is_checked_at_the_start(setting: str, count: int) -> None:
    """A key set over plain HTTP could be anyone's."""
    assert len([*faults(Settings(jwt_issuers=setting))]) == count


@pytest.fixture
async def client(log: FakeProducer, server: KeyServer) -> AsyncIterator[Client]:
    settings = Settings(admin_token="adm", token_secret="secret", order_reply_timeout_seconds=0.3)
    app = application(settings, log, partner_tokens=partners(server))
    async with serving(app) as port, ClientSession(f"http://{HOST}:{port}") as session:
        yield Client(session, HOST, port)


async def test_partners_customer_orders(client: Client, log: FakeProducer, server: KeyServer) -> None:
    """Over HTTP, next to our own tokens: 201, 401 with a reason, 503 without the issuer's keys."""

    async def order(headers: dict[str, str]) -> tuple[int, str]:
        key = {"Idempotency-Key": f"k{len(log.written)}"}
        async with client.post("/v1/orders", json=order_body(), headers=key | headers) as response:
            return response.status, response.headers.get("WWW-Authenticate", "")

    def bearer(text: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {text}"}

    server.down = True
    assert (await order(bearer(token())))[0] == 503
    server.down, server.now = False, RETRY_SECONDS
    assert (await order(bearer(token())))[0] == 201
    assert (await order(as_customer("ana")))[0] == 201
    assert [c.customer.id[:2] for _, c, _ in log.written] == ["p_", "an"]  # type: ignore[union-attr]
    status, challenge = await order(bearer(token(exp=NOW - 600)))
    assert status == 401 and "expired" in challenge
