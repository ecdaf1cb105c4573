"""A short fault campaign, and tests of the campaign's own parts."""

import asyncio
from collections import Counter
from itertools import islice

import pytest

from tests.chaos import campaign, plan, report
from tests.chaos.faults import FAULTS, parse_names
from tests.chaos.proxy import Proxy
from tests.chaos.recovery import ServedOrder, seconds_to_recover
from tests.chaos.stack_under_test import SETTINGS
from tests.checker.invariants import STACK_INVARIANTS, check
from tests.checker.observations import (
    Fact,
    FollowedOrder,
    InFlightPeak,
    MenuRead,
    Observations,
    OrderAttempt,
    OrderRead,
    Recovery,
    RevokedRead,
    VisibilityDelay,
    WatchedBoard,
)
from tests.support.programs import fresh_stack

SHORT = [
    "worker killed after commit",
    "broker killed",
    "ingress killed",
    "redis flushed",
    "worker killed",
    "egress killed",
]


@pytest.mark.slow
async def test_short_campaign_finds_no_violation(tmp_path):
    """Half a minute of load, the faults of SHORT; `make chaos` takes longer, all of them, and follows orders and boards."""
    options = campaign.CampaignOptions(minutes=0.5, seed=8, faults=SHORT, rate=30.0, followed=False)
    with fresh_stack(tmp_path / "stack", **SETTINGS) as stack:
        result = await campaign.run(stack, options)
        await asyncio.to_thread(stack.compose, "reconcile", "--grace", "1")  # fails on a difference
    summed = report.summarize(result)
    assert summed["violations"] == 0, report.markdown(summed)
    assert not summed["failed injections"]
    # how many faults half a minute has room for depends on the machine: the next one waits until all is well again
    assert summed["faults"].get("broker killed"), report.markdown(summed)
    idle = {name for name, finding in result.findings.items() if not finding.checked}
    assert idle <= {
        "degraded-reads-show-no-count",  # a broker that is back in 3 s leaves no page degraded
        "followers-miss-nothing",
        "boards-equal-facts",
        "revoked-tokens-open-nothing",
        "ended-promotions-leave-the-stocks",  # none is over for an hour
        "keys-of-deleted-orders-are-free",  # and no refused order is old enough to leave
    }


def test_seed_determines_the_plan_and_no_fault_is_skipped():
    kinds = parse_names("all")
    alone = {name for name in kinds if FAULTS[name].alone}
    first, again, other = (list(islice(plan.turns(seed, kinds, alone), 300)) for seed in (1, 1, 2))
    assert first == again != other
    names = [name for turn in first for name in turn]
    assert set(names[: len(kinds)]) == set(kinds)
    assert {len(turn) for turn in first} == {1, 2}
    assert not [turn for turn in first if len(turn) == 2 and alone & set(turn)]
    assert plan.fault_rng(1, 5).random() == plan.fault_rng(1, 5).random() != plan.fault_rng(1, 6).random()


def test_campaign_has_the_required_faults():
    assert len(FAULTS) >= 25
    assert sum(name.startswith("worker killed ") for name in FAULTS) == 5  # at the named points


def test_unclean_end_is_a_violation():
    seen = Observations(
        calls=[OrderAttempt("r", "k", [("a", 1)], 503), OrderAttempt("r", "k2", [("a", 1)], 500, b"oops")],
        visibility_delays=[
            VisibilityDelay("order.confirmed", 0, 1.0),
            VisibilityDelay("order.confirmed", 1, 16.0),
        ],
        recoveries=[Recovery("worker killed", 3.0), Recovery("broker killed", None)],
    )
    broken = {name: len(f.violations) for name, f in check(seen, STACK_INVARIANTS).items() if f.violations}
    assert broken == {
        "every-key-is-answered": 1,
        "no-internal-errors": 1,
        "no-transaction-open-for-15-s": 1,
        "service-comes-back": 1,
    }


def test_stale_page_and_false_count_are_found():
    stock = {"sku": "a", "version": 1, "portions": 5, "reserved": 0, "wasted": 0, "allotments": {}}
    sold = {**stock, "version": 2, "reserved": 3}
    at, later = "1970-01-01T00:00:10.000Z", "1970-01-01T00:00:20.000Z"
    facts = [
        Fact("catalog.changed", 0, 0, "1", {"restaurant_id": "r", "occurred_at": at, "stocks": [stock]}),
        Fact(
            "stock.reserved",
            0,
            0,
            "2",
            {"restaurant_id": "r", "occurred_at": later, "items": [{"stock": sold}]},
        ),
    ]

    def found(*reads: MenuRead) -> Counter[str]:
        findings = check(Observations(facts=facts, reads=list(reads)), STACK_INVARIANTS)
        return Counter({name: len(f.violations) for name, f in findings.items() if f.violations})

    fresh = {"a": ("available", 5)}
    assert found(MenuRead("r", 15_000, 15_010, 14_000, False, fresh)) == {}
    assert found(MenuRead("r", 19_000, 19_010, 14_000, False, fresh)) == {"stale-reads-say-so": 1}
    assert found(MenuRead("r", 19_000, 19_010, 14_000, True, fresh)) == {"degraded-reads-show-no-count": 1}
    assert found(MenuRead("r", 19_000, 19_010, 14_000, True, {"a": ("limited", None)})) == {}
    assert found(MenuRead("r", 22_000, 22_010, 19_000, False, fresh)) == {}  # as it was at 19 s
    assert found(MenuRead("r", 22_000, 22_010, 21_000, False, fresh)) == {
        "counts-are-as-fresh-as-they-say": 1
    }


def test_missed_and_repeated_events_and_wrong_boards_are_found():
    def fact(topic: str, order_id: str, version: int, status: str) -> Fact:
        value = {"restaurant_id": "r", "order_id": order_id, "version": version, "status": status}
        return Fact(topic, 0, version, f"{order_id}{version}", value)

    facts = [
        fact("order.created", "a", 1, "pending"),
        fact("order.confirmed", "a", 2, "received"),
        fact("order.status-changed", "a", 3, "preparing"),
    ]
    whole = [("1", "pending"), ("2", "received"), ("3", "preparing")]

    def found(events: list[tuple[str, str]], board: dict[str, str]) -> set[str]:
        seen = Observations(
            facts=facts, followed=[FollowedOrder("a", events)], boards=[WatchedBoard("r", board)]
        )
        return {name for name, finding in check(seen, STACK_INVARIANTS).items() if finding.violations}

    assert found(whole, {"a": "preparing"}) == set()
    for events in (whole[:-1], whole[1:], [*whole, whole[-1]], [whole[0], whole[2]], whole[::-1]):
        assert found(events, {"a": "preparing"}) == {"followers-miss-nothing"}
    for board in ({}, {"a": "received"}, {"a": "preparing", "b": "received"}):
        assert found(whole, board) == {"boards-equal-facts"}
    facts += [fact("order.cancelled", "a", 4, "cancelled"), fact("payment.refunded", "a", 5, "cancelled")]
    assert found([*whole, ("4", "cancelled")], {"a": "cancelled"}) == set()
    assert found(whole, {"a": "cancelled"}) == {"followers-miss-nothing"}


def test_unread_answers_and_unbounded_commands_are_found():
    def found(read: OrderRead, peak: int = 10) -> set[str]:
        seen = Observations(
            order_reads=[read],
            refusal_reads=[OrderRead("b", "pending", 200, "cancelled" if peak < 99 else "pending")],
            revoked_reads=[RevokedRead("r", status) for status in (401, 503, 200 if peak == 99 else 0)],
            in_flight_peaks=[InFlightPeak("p", peak)],
            max_in_flight=20,
        )
        return {name for name, finding in check(seen, STACK_INVARIANTS).items() if finding.violations}

    for status, shown in ((200, "received"), (200, "preparing"), (200, "cancelled"), (503, ""), (0, "")):
        assert found(OrderRead("a", "received", status, shown)) == set()
    for status, shown in ((200, "pending"), (404, ""), (500, "")):
        assert found(OrderRead("a", "received", status, shown)) == {"answers-can-be-read"}
    assert found(OrderRead("a", "preparing", 200, "received")) == {"answers-can-be-read"}
    assert found(OrderRead("a", "received", 200, "received", 11.0)) == {"answers-can-be-read"}
    assert found(OrderRead("a", "received", 200, "received"), 99) == {
        "refusals-can-be-read",
        "revoked-tokens-open-nothing",
        "commands-in-flight-are-bounded",
    }


def test_recovery_ends_with_the_last_bad_window():
    served = [ServedOrder(t / 10, 5.0 if 100 <= t < 130 else 0.01, [201]) for t in range(400)]
    assert 4.5 < seconds_to_recover(served, 10.0, 40.0) < 5.2  # bad until 13 s, and a window of 2 s
    assert seconds_to_recover(served, 20.0, 40.0) == 0.0


async def test_proxy_cuts_and_delays_a_connection():
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(100):
            writer.write(chunk)

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    target = server.sockets[0].getsockname()[1]
    link = Proxy(0, target)
    await link.start()
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
    link.delay = 0.3
    started_at = loop.time()
    writer.write(b"slow")
    assert await reader.read(100) == b"slow"
    assert loop.time() - started_at >= 0.3
    link.cut()
    writer.write(b"lost")
    try:
        async with asyncio.timeout(0.5):
            assert not await reader.read(100), "a link that is cut let something through"
    except TimeoutError:
        pass
    link.mend()
    reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
    writer.write(b"again")
    assert await reader.read(100) == b"again"
    writer.close()
    link.stop()
    server.close()
