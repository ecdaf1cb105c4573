"""Commands of other buckets, timers, and released portions: each enters the escrow here."""

from schemas.commands import BucketCommand, LendPortions, OfferPortions, ReplicateCatalogue, RequestPortions
from schemas.facts import StockReleased
from schemas.timestamps import EpochMs
from streams.domain.decision import Decision, Policy
from streams.domain.escrow import activation, borrowing, catalogue_replication, lending, recall, waitlist
from streams.domain.escrow.unit_of_work import UnitOfWork
from streams.domain.state import State


def handle(state: State, command: BucketCommand, now: EpochMs, policy: Policy) -> Decision:
    """Decide a command of another bucket."""
    work = UnitOfWork(state, command.restaurant_id, now, policy)
    match command:
        case ReplicateCatalogue():
            catalogue_replication.replicate(work, command)
        case RequestPortions():
            lending.lend(work, command)
        case LendPortions():
            borrowing.on_lend(work, command, before_serving=recall.count_received)
        case OfferPortions(released=True):
            recall.request_released(work, command.requests)
        case OfferPortions():
            borrowing.request_offered(work, command.lender, command.requests)
    _offer_portions_if_closed(work)
    return work.decision()


def after_release(state: State, bucket: str, now: EpochMs, policy: Policy, decision: Decision) -> Decision:
    """Add to a decision what its released portions lead to: waiting orders are served, a closed bucket offers them."""
    if not any(isinstance(fact, StockReleased) for fact in decision.facts):
        return decision
    work = UnitOfWork(state, bucket, now, policy)
    reply = work.merge(decision)
    waitlist.serve(work)
    if work.escrow.is_open and bucket != work.home:
        activation.offer_released(
            work, [f for f in decision.facts if isinstance(f, StockReleased) and not f.wasted]
        )
    _offer_portions_if_closed(work)
    return work.decision(reply)


def on_timer(state: State, bucket: str, now: EpochMs, policy: Policy) -> Decision:
    """Retry, give up, open or close; set the next timer while there is something to wait for."""
    work = UnitOfWork(state, bucket, now, policy)
    work.update(timer_due=EpochMs(0))
    borrowing.on_timer(work)
    recall.on_timer(work)
    if bucket != work.home:
        activation.roll_window(work)
    if any(peer.has_open_request for peer in work.escrow.peers.values()) or work.escrow.round is not None:
        work.schedule_timer()
    _offer_portions_if_closed(work)
    return work.decision()


def _offer_portions_if_closed(work: UnitOfWork) -> None:
    if work.bucket != work.home and work.escrow.created_with_buckets and not work.escrow.is_open:
        activation.offer_portions(work)
