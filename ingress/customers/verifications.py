"""Verify a phone: a code goes there, and who knows it has the phone."""

import hmac
import secrets
from collections.abc import Callable

from msgspec import Struct

from ingress.customers.codes import CheckResult, CodeStore, SentCode
from ingress.customers.messenger import Messenger
from ingress.http.problems import Problem
from schemas import setting_types, timestamps
from schemas.languages import Language, Text, read_texts
from schemas.settings import Settings
from schemas.timestamps import EpochMs

CODE_DIGITS = 6
#: Random bytes of a verification's id: only the client that began it can guess at its code.
VERIFICATION_ID_BYTES = 16

MESSAGES = read_texts(__file__, "messages.json", dict[str, Text])


class Verification(Struct, frozen=True):
    """The body of 202: a code is on its way."""

    verification_id: str
    expires_at: str


class Verifications:
    """Begins verifications and checks codes."""

    def __init__(
        self,
        settings: Settings,
        store: CodeStore,
        messenger: Messenger,
        customer_id_of: Callable[[str], str],
        now: Callable[[], EpochMs] = timestamps.wall_clock,
    ) -> None:
        """Args:
        settings: the secret of digests, and how long a code is valid.
        store: where codes are kept.
        messenger: what sends them.
        customer_id_of: returns the id of a phone's customer; may raise Problem.
        now: the wall clock.
        """
        self._token_secrets = settings.token_secret
        self._seconds = settings.verification_seconds
        self._store = store
        self._messenger = messenger
        self._customer_id_of = customer_id_of
        self._now = now

    async def begin(self, phone: str, address: str | None, language: Language) -> Verification:
        """Send a code; raises Problem past a bound, Unavailable if no message can be sent.

        Args:
            phone: the number in E.164.
            address: the client's network; None: it has no bound.
            language: that of the message.
        """
        self._messenger.require_available()
        verification_id = secrets.token_hex(VERIFICATION_ID_BYTES)
        code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
        sent = SentCode(
            verification_id,
            self._digest("phone", phone),
            None if address is None else self._digest("address", address),
            self._digest(verification_id, code),
            self._customer_id_of(phone),
        )
        expires_at = timestamps.add_seconds(self._now(), self._seconds)
        if wait := await self._store.add(sent):
            raise Problem("too-many-requests", headers={"Retry-After": str(wait)})
        text = MESSAGES["code"].of(language).format(code=code)
        try:
            await self._messenger.send(phone, text, verification_id)
        except Exception:
            await self._store.remove(sent)  # an outage uses up no one's codes
            raise
        return Verification(verification_id, timestamps.to_text(expires_at))

    async def check(self, verification_id: str, code: str) -> CheckResult:
        """Return what a guess has led to, after counting it; raises Unavailable.

        A right code proves the phone until it expires, so that a lost response can be asked for again.
        """
        return await self._store.check(verification_id, self._digest(verification_id, code))

    def _digest(self, kind: str, value: str) -> str:
        secret = setting_types.split_secrets(self._token_secrets)[0].encode()
        return hmac.digest(secret, f"verification:{kind}:{value}".encode(), "sha256").hex()
