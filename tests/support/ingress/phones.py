"""Phones and codes without servers: a messenger that keeps what it was given, a store in memory."""

from ingress.customers.codes import CheckResult, CodeStore, SentCode
from ingress.customers.messenger import Messenger
from ingress.customers.redis_codes import MAX_WRONG_GUESSES
from ingress.http.problems import Unavailable


class FakeMessenger(Messenger):
    """Keeps the messages: phone, text."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.down = False
        self.fails = False  # it seems available, and accepts nothing

    def require_available(self) -> None:
        if self.down:
            raise Unavailable()

    async def send(self, phone: str, text: str, message_id: str) -> None:
        self.require_available()
        if self.fails:
            raise Unavailable()
        self.sent.append((phone, text))

    @property
    def last_code(self) -> str:
        """The code of the last message."""
        return self.sent[-1][1][:6]


class FakeCodes(CodeStore):
    """Codes in memory, without bounds but that of `wait`."""

    def __init__(self) -> None:
        self.codes: dict[str, SentCode] = {}
        self.wrong: dict[str, int] = {}
        self.wait = 0

    async def add(self, sent: SentCode) -> int:
        if not self.wait:
            self.codes[sent.verification_id] = sent
        return self.wait

    async def remove(self, sent: SentCode) -> None:
        del self.codes[sent.verification_id]

    async def check(self, verification_id: str, code: str) -> CheckResult:
        sent = self.codes.get(verification_id)
        if sent is None:
            return CheckResult("unknown")
        wrong = self.wrong.get(verification_id, 0)
        if wrong >= MAX_WRONG_GUESSES:
            return CheckResult("exhausted")
        if sent.code == code:
            return CheckResult("proved", sent.customer_id)
        self.wrong[verification_id] = wrong + 1
        return CheckResult("exhausted" if wrong + 1 >= MAX_WRONG_GUESSES else "wrong")
