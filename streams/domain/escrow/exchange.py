"""What comes from other buckets, and what time and released portions lead to."""

from schemas.commands import AskPortions, LendPortions, Mirror, OfferPortions
from schemas.facts import StockReleased
from streams.domain.decision import Decision, Policy
from streams.domain.escrow import asking, heat, lending, mirroring, parking, recalling
from streams.domain.escrow.desk import Desk
from streams.domain.state import State


def take(
    state: State, command: Mirror | AskPortions | LendPortions | OfferPortions, now: int, policy: Policy
) -> Decision:
    """Decide what another bucket of the restaurant has sent."""
    desk = Desk(state, command.restaurant_id, now, policy)
    match command:
        case Mirror():
            mirroring.mirror(desk, command)
        case AskPortions():
            lending.lend(desk, command)
        case LendPortions():
            asking.hear(desk, command, recalling.burn)
        case OfferPortions():
            asking.fetch(desk, command.lender, command.wants)
    _keep_nothing_when_closed(desk)
    return desk.decision()


def after(state: State, me: str, now: int, policy: Policy, decision: Decision) -> Decision:
    """Let portions that a decision has set free go to orders that wait, and home from a closed bucket."""
    if not any(isinstance(fact, StockReleased) for fact in decision.facts):
        return decision
    desk = Desk(state, me, now, policy)
    reply = desk.take_in(decision)
    parking.serve(desk)
    _keep_nothing_when_closed(desk)
    return desk.decision(reply)


def look(state: State, me: str, now: int, policy: Policy) -> Decision:
    """See to what is late, open or close, and come back while there is something to see to."""
    desk = Desk(state, me, now, policy)
    desk.change(timer_at=0)
    asking.look(desk)
    recalling.look(desk)
    if me != desk.home:
        heat.turn(desk)
    if any(peer.is_awaited for peer in desk.escrow.peers.values()) or desk.escrow.round is not None:
        desk.look_again()
    _keep_nothing_when_closed(desk)
    return desk.decision()


def _keep_nothing_when_closed(desk: Desk) -> None:
    if desk.me != desk.home and desk.escrow.fresh and not desk.escrow.open:
        heat.offer(desk)
