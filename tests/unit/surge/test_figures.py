"""The result of a promotion window: each missed level is named."""

from tests.checker.observations import Finding
from tests.surge.events import WindowEvent
from tests.surge.figures import WindowResult, costs, levels, rows
from tests.surge.profile import window
from tests.surge.stack_monitor import StackSample
from tests.surge.tally import Tally, count


def result(*, read: float = 0.01, order: float = 0.1, stale: float = 1.0, failed: int = 0) -> WindowResult:
    """Return the result of a minute in which every request took this long, with one event."""
    tally, profile = Tally(), window(1, 10, 1)
    for at in range(60):
        reads, orders = tally.of("reads", at), tally.of("orders", at)
        for second, seconds in ((reads, read), (orders, order)):
            second.due = 100
            for _ in range(100):
                count(second.served, seconds)
                count(second.late, 0.001)
        for _ in range(100):
            count(reads.stale, stale)
            count(orders.accepted, order)
        reads.statuses, orders.statuses = {200: 100 - failed, 0: failed}, {201: 100}
    look = StackSample(30.0, {"promo-streams": 7.0}, 3.0, 0.5, {"ingress": 0.4, "load": 0.1}, {"streams": 2})
    findings = {"never-oversold": Finding(10, []), "replays-equal": Finding(5, [])}
    return WindowResult(
        profile, tally, [look], [WindowEvent(30.0, "kill -9 streams-2", 2.5)], {}, findings, "x"
    )


def broken(of: WindowResult) -> list[str]:
    return [level.name for level in levels(of) if not level.kept]


def test_good_window_meets_all_levels() -> None:
    assert broken(result()) == []


def test_each_missed_level_is_named() -> None:
    assert broken(result(read=0.13)) == ["menus, p95"]
    assert broken(result(order=0.32)) == ["confirmations, p95"]
    assert broken(result(stale=3.2)) == ["age of menus, p99"]
    assert broken(result(failed=1)) == ["errors"]
    oversold = result()
    oversold.findings["never-oversold"].violations.append("r1 coxinha v9: 51 of 50")
    assert broken(oversold) == ["oversold", "violations"]


def test_event_has_its_recovery_time_and_longest_delay() -> None:
    [(what, back, longest)] = costs(result())
    assert (
        what == "kill -9 streams-2 at 30 s" and back == "2.5 s" and longest in ("100 ms", "101 ms", "102 ms")
    )


def test_each_phase_has_a_row_of_rates() -> None:
    baseline, surge, _ = rows(result())
    assert baseline["phase"] == "baseline, 12 s" and surge["reads/s"] == "100" and surge["cores"] == "0.50"
    assert surge["max lag"] == "7" and baseline["max lag"] == "0"
