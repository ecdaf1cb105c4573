"""decide(state, command, now) -> Decision: the one place where anything is decided.

With `evolve.evolve` it is J. Chassaing's Decider (Functional Event Sourcing Decider, 2021).
"""

from schemas import buckets, commands
from schemas.codec import ReplyAddress
from schemas.commands import Command, restaurant_of
from schemas.replies import Answer
from schemas.timestamps import EpochMs
from streams.domain.catalogue import put_menu_item, put_promotion, put_restaurant, rotate_webhook_secret
from streams.domain.decision import Decision, Policy, reply_only
from streams.domain.deletions import delete
from streams.domain.escrow import catalogue_replication, inbox, routing
from streams.domain.lifecycle import advance_order, cancel_order, find_order
from streams.domain.payments import payment_result
from streams.domain.place_order import place_order
from streams.domain.state import State


class UnknownBucketError(Exception):
    """The command is for a bucket that this worker does not have: another process has another PROMO_ESCROW_BUCKETS.

    The command becomes a dead letter, which can be redriven once all processes have the same setting.
    """


def decide(
    state: State, command: Command, now: EpochMs, policy: Policy, reply_to: ReplyAddress | None = None
) -> Decision:
    """Return what this command leads to.

    A tick decides nothing here: the timers that are due do (`timers.fire`). With more than one bucket,
    the command's restaurant is a bucket (escrow/README.md).

    Args:
        state: the tables of the partition.
        command: the command.
        now: the broker's append time of the command's record.
        policy: what the operator configured.
        reply_to: the caller, to whom a reply that must wait is sent later; None: no caller.

    Raises UnknownBucketError.
    """
    restaurant_id = restaurant_of(command)
    if buckets.number(restaurant_id) >= policy.buckets:
        raise UnknownBucketError(
            f"{restaurant_id} of {policy.buckets}: is PROMO_ESCROW_BUCKETS the same everywhere?"
        )
    if policy.buckets > 1:
        return _decide_in_bucket(state, command, now, policy, reply_to)
    return _decide(state, command, now, policy, reply_to)


def _decide_in_bucket(
    state: State, command: Command, now: EpochMs, policy: Policy, reply_to: ReplyAddress | None
) -> Decision:
    match command:
        case commands.PlaceOrder():
            return routing.place_in_bucket(state, command, now, policy, reply_to)
        case commands.PutRestaurant() | commands.PutMenuItem() | commands.PutPromotion():
            return catalogue_replication.put(state, command, now, policy)
        case (
            commands.ReplicateCatalogue()
            | commands.RequestPortions()
            | commands.LendPortions()
            | commands.OfferPortions()
        ):
            return inbox.handle(state, command, now, policy)
        case commands.DeleteRestaurant() | commands.DeleteMenuItem() | commands.DeletePromotion():
            return reply_only(Answer("has_buckets"))
        case commands.Tick():
            return Decision()
        case _:
            decision = _decide(state, command, now, policy, reply_to)
            return inbox.after_release(state, command.restaurant_id, now, policy, decision)


def _decide(
    state: State, command: Command, now: EpochMs, policy: Policy, reply_to: ReplyAddress | None
) -> Decision:
    match command:
        case commands.PlaceOrder():
            return place_order(state, command, now, policy, reply_to)
        case commands.AdvanceOrder():
            return advance_order(state, command, now)
        case commands.CancelOrder():
            return cancel_order(state, command, now, policy, reply_to)
        case commands.FindOrder():
            return find_order(state, command)
        case commands.PaymentResult():
            return payment_result(state, command, now)
        case commands.PutRestaurant():
            return put_restaurant(state, command, now)
        case commands.RotateWebhookSecret():
            return rotate_webhook_secret(state, command, now)
        case commands.PutMenuItem():
            return put_menu_item(state, command, now, policy)
        case commands.PutPromotion():
            return put_promotion(state, command, now, policy)
        case commands.DeleteRestaurant() | commands.DeleteMenuItem() | commands.DeletePromotion():
            return delete(state, command, now, policy)
        case (
            commands.Tick()
            | commands.ReplicateCatalogue()
            | commands.RequestPortions()
            | commands.LendPortions()
            | commands.OfferPortions()
        ):
            return Decision()
