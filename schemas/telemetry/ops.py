"""Health and metrics of one process, on a port of its own, served by a thread."""

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import REGISTRY, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from schemas.settings import Settings

#: How long an event loop may be blocked before its process no longer counts as alive.
MAX_LOOP_SILENCE_SECONDS = 5.0
#: How long a client may take to send its request.
REQUEST_TIMEOUT_SECONDS = 5.0

_JSON = "application/json"


class OpsServer:
    """Serves GET /metrics, /health/live and /health/ready of this process."""

    def __init__(self, host: str, port: int) -> None:
        """Listen; raises OSError."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server = ThreadingHTTPServer((host, port), self._handler())
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, name="ops", daemon=True).start()

    def watch_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on, the process counts as alive only while this loop runs."""
        self._loop = loop

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def respond(self, path: str) -> tuple[int, str, bytes]:
        """Return status, content type and body; blocks for MAX_LOOP_SILENCE_SECONDS while the loop does not run."""
        match path:
            case "/metrics":
                return 200, CONTENT_TYPE_LATEST, generate_latest(REGISTRY)
            case "/health/live":
                return _health("live", self._is_loop_running())
            case "/health/ready":
                return _health("ready", REGISTRY.get_sample_value("promo_ready") == 1)
            case _:
                return 404, _JSON, b'{"status": "not-found"}'

    def _is_loop_running(self) -> bool:
        if self._loop is None:
            return True
        called = threading.Event()
        try:
            self._loop.call_soon_threadsafe(called.set)
        except RuntimeError:  # it is closed
            return False
        return called.wait(MAX_LOOP_SILENCE_SECONDS)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        ops = self

        class OpsRequestHandler(BaseHTTPRequestHandler):
            """One request."""

            timeout = REQUEST_TIMEOUT_SECONDS

            def do_GET(self) -> None:
                status, content_type, body = ops.respond(self.path.partition("?")[0])
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Log nothing: probes come every few seconds."""

        return OpsRequestHandler


def start(settings: Settings) -> OpsServer | None:
    """Listen on PROMO_OPS_HOST and PROMO_OPS_PORT; None if the port is 0. Raises OSError."""
    return OpsServer(settings.ops_host, settings.ops_port) if settings.ops_port else None


def _health(state: str, is_healthy: bool) -> tuple[int, str, bytes]:
    status = {"status": state if is_healthy else f"not-{state}"}
    return 200 if is_healthy else 503, _JSON, json.dumps(status).encode()
