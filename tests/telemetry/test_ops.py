"""What a probe and Prometheus are told by a process."""

import asyncio
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from schemas import metrics
from schemas.settings import Settings
from schemas.telemetry import ops
from schemas.telemetry.ops import Ops


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ops]:
    monkeypatch.setattr(ops, "LIVE_SECONDS", 0.2)
    served = Ops("127.0.0.1", 0)
    yield served
    served.close()


def ask(served: Ops, path: str) -> tuple[int, bytes]:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"http://127.0.0.1:{served.port}{path}", timeout=5) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_a_process_is_ready_while_it_does_its_work(served: Ops) -> None:
    metrics.ready.set(0)
    assert ask(served, "/health/ready") == (503, b'{"status": "not-ready"}')
    metrics.ready.set(1)
    assert ask(served, "/health/ready")[0] == 200
    metrics.ready.set(0)
    assert ask(served, "/nowhere")[0] == 404


def test_metrics_are_those_of_this_process(served: Ops) -> None:
    status, body = ask(served, "/metrics")
    assert status == 200 and b"promo_ready" in body


def test_a_process_whose_loop_hangs_or_has_ended_does_not_live(served: Ops) -> None:
    """A process that answers by a thread while its loop is stuck would never be started again."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    served.watch(loop)
    assert ask(served, "/health/live")[0] == 200
    release = threading.Event()
    loop.call_soon_threadsafe(release.wait)
    assert ask(served, "/health/live") == (503, b'{"status": "not-live"}')
    release.set()
    assert ask(served, "/health/live")[0] == 200
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    assert ask(served, "/health/live")[0] == 503


def test_no_port_is_opened_where_none_is_set() -> None:
    assert ops.start(Settings(ops_port=0)) is None
