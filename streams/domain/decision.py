"""A decision: the facts that a command leads to, what is asked of the gateway, and who is answered."""

from msgspec import Struct

from schemas.codec import ReplyAddress
from schemas.commands import AskPortions, LendPortions, Mirror, OfferPortions, PlaceOrder
from schemas.facts import Fact
from schemas.payments import PaymentRequest
from schemas.replies import Answer, Reply
from streams.domain.state import Change


class Onward(Struct, frozen=True):
    """A command to another bucket of the restaurant, in the transaction of the decision.

    `asker` is answered by who decides it, where somebody waits for it.
    """

    command: PlaceOrder | Mirror | AskPortions | LendPortions | OfferPortions
    asker: ReplyAddress | None = None


class Decision(Struct, frozen=True):
    """Facts in their order; the reply to who asked, None where nobody did or the answer must be waited for.

    `waited` are replies to others who wait; `notes` are changes of tables that no fact tells of;
    `onward` goes to other buckets.
    """

    facts: tuple[Fact, ...] = ()
    reply: Reply | None = None
    waited: tuple[tuple[ReplyAddress, Reply], ...] = ()
    requests: tuple[PaymentRequest, ...] = ()
    notes: tuple[Change, ...] = ()
    onward: tuple[Onward, ...] = ()


class Policy(Struct, frozen=True):
    """What the operator decides; times in seconds."""

    idempotency_ttl_seconds: int = 172_800
    reservation_seconds: int = 120
    buckets: int = 1  # of each restaurant; 1: none but its home
    open_rate: int = 0  # orders a second from which a bucket opens; 0: all are open


def answer(answered: Answer) -> Decision:
    """Answer without a fact: nothing is written, so the same request may do better later."""
    return Decision(reply=Reply(answered))
