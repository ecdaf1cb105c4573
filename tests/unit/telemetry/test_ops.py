"""Health and metrics of a process, for probes and Prometheus."""

import asyncio
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from schemas import metrics
from schemas.settings import Settings
from schemas.telemetry import ops
from schemas.telemetry.ops import OpsServer
from tests.support.waiting import wait_until


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpsServer]:
    monkeypatch.setattr(ops, "MAX_LOOP_SILENCE_SECONDS", 0.2)
    served = OpsServer("127.0.0.1", 0)
    yield served
    served.close()


def request(served: OpsServer, path: str) -> tuple[int, bytes]:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"http://127.0.0.1:{served.port}{path}", timeout=5) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_a_process_is_ready_while_it_works(served: OpsServer) -> None:
    """The metric `promo_ready` decides."""
    metrics.ready.set(0)
    assert request(served, "/health/ready") == (503, b'{"status": "not-ready"}')
    metrics.ready.set(1)
    assert request(served, "/health/ready")[0] == 200
    metrics.ready.set(0)
    assert request(served, "/nowhere")[0] == 404


def test_metrics_are_those_of_this_process(served: OpsServer) -> None:
    """Prometheus scrapes each process."""
    status, body = request(served, "/metrics")
    assert status == 200 and b"promo_ready" in body


def test_a_process_with_a_blocked_or_closed_loop_is_not_live(served: OpsServer) -> None:
    """The thread that serves /health would otherwise keep a stuck process from being restarted."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    served.watch_loop(loop)
    wait_until(lambda: request(served, "/health/live")[0] == 200)
    release = threading.Event()
    loop.call_soon_threadsafe(release.wait)
    assert request(served, "/health/live") == (503, b'{"status": "not-live"}')
    release.set()
    wait_until(lambda: request(served, "/health/live")[0] == 200)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    assert request(served, "/health/live")[0] == 503


def test_port_0_opens_none() -> None:
    """ingress serves /health and /metrics on its own port."""
    assert ops.start(Settings(ops_port=0)) is None
