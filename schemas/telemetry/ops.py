"""Health and metrics of one process, on a port of its own, answered by a thread."""

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import REGISTRY, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from schemas.settings import Settings

#: How long an event loop may be busy with one thing before the process does not count as alive, in seconds.
LIVE_SECONDS = 5.0
#: How long a client may take to say what it wants, in seconds.
REQUEST_SECONDS = 5.0


class Ops:
    """GET /metrics, /health/live, /health/ready of this process."""

    def __init__(self, host: str, port: int) -> None:
        """Listen; raises OSError."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server = ThreadingHTTPServer((host, port), self._handler())
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, name="ops", daemon=True).start()

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """From here on the process counts as alive while this loop turns."""
        self._loop = loop

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Return status, content type and body; blocks for LIVE_SECONDS when the loop does not turn."""
        match path:
            case "/metrics":
                return 200, CONTENT_TYPE_LATEST, generate_latest(REGISTRY)
            case "/health/live":
                return _health(self._turns(), "live")
            case "/health/ready":
                return _health(REGISTRY.get_sample_value("promo_ready") == 1, "ready")
            case _:
                return _health(False, "", status=404)

    def _turns(self) -> bool:
        if self._loop is None:
            return True
        turned = threading.Event()
        try:
            self._loop.call_soon_threadsafe(turned.set)
        except RuntimeError:  # it is closed
            return False
        return turned.wait(LIVE_SECONDS)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        ops = self

        class Handler(BaseHTTPRequestHandler):
            """One request."""

            timeout = REQUEST_SECONDS

            def do_GET(self) -> None:
                status, kind, body = ops.answer(self.path.partition("?")[0])
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: probes come every few seconds."""

        return Handler


def start(settings: Settings) -> Ops | None:
    """Listen where the settings say; None where they say nowhere. Raises OSError."""
    return Ops(settings.ops_host, settings.ops_port) if settings.ops_port else None


def _health(well: bool, state: str, status: int = 503) -> tuple[int, str, bytes]:
    said = state if well else "not-found" if status == 404 else f"not-{state}"
    return 200 if well else status, "application/json", json.dumps({"status": said}).encode()
