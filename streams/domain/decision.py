"""A decision: the facts that a command leads to, what is asked of the gateway, and who is answered."""

from msgspec import Struct

from schemas.codec import ReplyAddress
from schemas.facts import Fact
from schemas.payments import PaymentRequest
from schemas.replies import Answer, Reply
from streams.domain.state import Change


class Decision(Struct, frozen=True):
    """Facts in their order; the reply to who asked, None where nobody did or the answer must be waited for.

    `waited` are replies to others who wait; `notes` are changes of tables that no fact tells of.
    """

    facts: tuple[Fact, ...] = ()
    reply: Reply | None = None
    waited: tuple[tuple[ReplyAddress, Reply], ...] = ()
    requests: tuple[PaymentRequest, ...] = ()
    notes: tuple[Change, ...] = ()


class Policy(Struct, frozen=True):
    """What the operator decides, in seconds."""

    idempotency_ttl_seconds: int = 172_800
    reservation_seconds: int = 120


def answer(answered: Answer) -> Decision:
    """Answer without a fact: nothing is written, so the same request may do better later."""
    return Decision(reply=Reply(answered))
