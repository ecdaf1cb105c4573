"""A decision: the facts that a command leads to, and the answer to who asked."""

from msgspec import Struct

from schemas.facts import Fact
from schemas.replies import Answer, Reply


class Decision(Struct, frozen=True):
    """Facts in their order, and the reply; a tick has no reply."""

    facts: tuple[Fact, ...] = ()
    reply: Reply | None = None


def refuse(answer: Answer) -> Decision:
    """Answer without a fact: nothing is written, so the same request may do better later."""
    return Decision(reply=Reply(answer))
