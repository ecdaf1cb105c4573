"""A decision: facts, requests to the payment gateway, replies, and commands to other buckets."""

from typing import Any

from msgspec import Struct

from schemas.codec import ReplyAddress
from schemas.commands import BucketCommand, PlaceOrder
from schemas.facts import Fact
from schemas.payments import PaymentRequest
from schemas.replies import Answer, Reply
from streams.domain.state import Change


class ForwardedCommand(Struct, frozen=True):
    """A command to another bucket of the restaurant, written in the transaction of the decision.

    `reply_to` goes along with an order: the bucket that decides it sends the reply.
    """

    command: PlaceOrder | BucketCommand
    reply_to: ReplyAddress | None = None


class Decision(Struct, frozen=True):
    """What one command leads to. `evolve.apply` folds it into a state.

    `reply` is for the caller; None if there is no caller, or if the outcome is not known yet.
    `deferred_replies` are for callers of earlier commands. `state_changes` are what no fact carries; they
    are applied after the facts.
    """

    facts: tuple[Fact, ...] = ()
    reply: Reply | None = None
    deferred_replies: tuple[tuple[ReplyAddress, Reply], ...] = ()
    payment_requests: tuple[PaymentRequest, ...] = ()
    state_changes: tuple[Change[Any], ...] = ()
    forwarded_commands: tuple[ForwardedCommand, ...] = ()


class Policy(Struct, frozen=True):
    """What the operator configures."""

    idempotency_ttl_seconds: int = 172_800
    reservation_seconds: int = 120
    order_retention_seconds: int = 691_200  # from an order's last change until it leaves the state
    refusal_retention_seconds: int = 1_200  # the same for a refused order, and for its key
    buckets: int = 1  # of each restaurant; 1: only its home
    promotion_retirement_seconds: int = 3_600  # from a promotion's end until it leaves the stocks
    promotion_retention_seconds: int = 30 * 86_400  # from a promotion's end until it is deleted
    # of a restaurant's catalogue; 0: no limit
    menu_items: int = 0
    promotions: int = 0  # that are not retired
    open_rate: int = 0  # orders a second from which a bucket opens; 0: all are open
    # cash orders, by restaurant; 0: no limit
    cash_orders_per_customer: int = 0  # open at once
    cash_orders_per_address: int = 0  # open at once
    cash_order_portions: int = 0  # in one order


def reply_only(answer: Answer) -> Decision:
    """Return a decision that only replies. Nothing is written, so a later request with the same key is decided again."""
    return Decision(reply=Reply(answer))
