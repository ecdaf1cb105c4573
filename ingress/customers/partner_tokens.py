"""Customers of partners: JWTs (RFC 7519) of issuers that the settings name, verified by the issuers' public keys."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import msgspec
from msgspec import Struct

from ingress.customers.issuer_keys import ALGORITHMS, MAX_BYTES, IssuerKeys
from ingress.http.signed_tokens import unauthorized
from schemas import identity
from schemas.assurance import ProvedAssurance
from schemas.commands import CustomerRef
from schemas.runtime.secret_file import FileVersion, file_version
from schemas.settings import Settings
from schemas.timestamps import EpochSeconds, epoch_clock

#: Longest token that is read, and longest subject, in characters.
MAX_CHARACTERS, MAX_SUBJECT = 4_096, 255
#: By how much an issuer's clock may differ from ours, in seconds.
SKEW_SECONDS = 60
FETCH_TIMEOUT = aiohttp.ClientTimeout(total=3)

#: Times are compared here, with the clock that the caller gives.
_OPTIONS: Any = {
    "require": ["iss", "aud", "sub", "exp"],
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}


class Issuer(Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of PROMO_JWT_ISSUERS: who issues tokens for whom, where its keys are, and what its tokens prove."""

    issuer: str
    audience: str
    assurance: ProvedAssurance
    jwks_url: str = ""
    jwks_file: str = ""


class PartnerTokens:
    """Verifies tokens of configured issuers."""

    def __init__(
        self,
        issuers: list[Issuer],
        keys: dict[str, IssuerKeys],
        now: Callable[[], EpochSeconds] = epoch_clock,
    ) -> None:
        """Args:
        issuers: those of the settings.
        keys: of each, by its name.
        now: the wall clock.
        """
        self._issuers = {one.issuer: one for one in issuers}
        self._keys = keys
        self._now = now

    def is_partners(self, token: str) -> bool:
        """Return True if a token names an issuer, as none of ours does; it says nothing about its validity."""
        return bool(self._issuers) and "iss" in _peek(token)[1]

    async def read(self, token: str) -> CustomerRef:
        """Return the customer; raises Problem `unauthorized` with the reason, Unavailable without the issuer's keys."""
        header, claimed = _peek(token)
        name = claimed.get("iss")
        issuer = self._issuers.get(name) if isinstance(name, str) else None
        if issuer is None:
            raise unauthorized("unknown issuer")
        if header.get("alg") not in ALGORITHMS:
            raise unauthorized("wrong algorithm")
        kid = header.get("kid")
        key = await self._keys[issuer.issuer].find(kid) if isinstance(kid, str) else None
        if key is None:
            raise unauthorized("invalid signature")
        if header["alg"] != key.algorithm_name:
            raise unauthorized("wrong algorithm")
        try:
            claims = jwt.decode(
                token, key, ALGORITHMS, _OPTIONS, audience=issuer.audience, issuer=issuer.issuer
            )
        except (jwt.InvalidAudienceError, jwt.MissingRequiredClaimError):
            raise unauthorized("wrong audience") from None
        except (jwt.PyJWTError, ValueError, TypeError):
            raise unauthorized("invalid signature") from None
        return CustomerRef(
            identity.partner_customer_id(issuer.issuer, self._subject(claims)), issuer.assurance
        )

    def _subject(self, claims: dict[str, Any]) -> str:
        """Return the subject of claims that are valid now."""
        now, subject = self._now(), claims["sub"]
        if _time(claims, "nbf", now) - SKEW_SECONDS > now:
            raise unauthorized("not yet valid")
        if _time(claims, "exp", now) + SKEW_SECONDS <= now:
            raise unauthorized("expired")
        if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT:
            raise unauthorized("malformed")
        return subject


def make_partner_tokens(settings: Settings, session: aiohttp.ClientSession) -> PartnerTokens:
    """Return what verifies the tokens of the settings' issuers."""
    issuers = read_issuers(settings)
    return PartnerTokens(issuers, {one.issuer: _keys(one, session) for one in issuers})


def read_issuers(settings: Settings) -> list[Issuer]:
    """Return the issuers of PROMO_JWT_ISSUERS; raises msgspec.DecodeError."""
    return msgspec.json.decode(settings.jwt_issuers or "[]", type=list[Issuer])


def faults(settings: Settings) -> Iterator[str]:
    """Yield what is wrong with PROMO_JWT_ISSUERS, a check for `settings.read`."""
    try:
        issuers = read_issuers(settings)
    except msgspec.DecodeError as error:
        yield f"PROMO_JWT_ISSUERS: {error}"
        return
    if len({one.issuer for one in issuers}) < len(issuers):
        yield "PROMO_JWT_ISSUERS: an issuer is named twice"
    for one in issuers:
        if not one.issuer or not one.audience:
            yield "PROMO_JWT_ISSUERS: an issuer needs `issuer` and `audience`"
        if bool(one.jwks_url) == bool(one.jwks_file):
            yield f"PROMO_JWT_ISSUERS: {one.issuer} needs one of `jwks_url` and `jwks_file`"
        if one.jwks_url and not one.jwks_url.startswith(("https://", "http://127.0.0.1:")):
            yield f"PROMO_JWT_ISSUERS: the `jwks_url` of {one.issuer} must begin with https://"


def _keys(issuer: Issuer, session: aiohttp.ClientSession) -> IssuerKeys:
    if not issuer.jwks_file:
        return IssuerKeys(issuer.issuer, partial(_fetch, session, issuer.jwks_url))
    path = Path(issuer.jwks_file)
    read = partial(asyncio.to_thread, path.read_bytes)
    return IssuerKeys(issuer.issuer, read, read_version=partial(_version, path))


def _version(path: Path) -> FileVersion | None:
    try:
        return file_version(path)
    except OSError:
        return None  # reading it says why


async def _fetch(session: aiohttp.ClientSession, url: str) -> bytes:
    """Return the answer, at most one byte more than a key set may have; raises OSError, TimeoutError, ValueError."""
    try:
        async with session.get(url, timeout=FETCH_TIMEOUT, allow_redirects=False) as response:
            if response.status != 200:
                raise ValueError(f"status {response.status}")
            content = bytearray()
            async for chunk in response.content.iter_chunked(MAX_BYTES):
                content += chunk
                if len(content) > MAX_BYTES:
                    break
            return bytes(content)
    except aiohttp.ClientError as error:
        raise OSError(type(error).__name__) from error


def _peek(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of a token that is not verified; empty if it has none."""
    if len(token) > MAX_CHARACTERS:
        return {}, {}
    try:
        decoded = jwt.decode_complete(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return {}, {}
    return decoded["header"], decoded["payload"]


def _time(claims: dict[str, Any], name: str, default: EpochSeconds) -> float:
    value = claims.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise unauthorized("malformed")
    return value
