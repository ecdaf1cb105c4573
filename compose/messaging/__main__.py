"""`python -m compose.messaging`: the simulated messaging provider; settings from the environment."""

import asyncio
import signal
import sys

import uvloop
from aiohttp import web

from compose.messaging.app import faults, initial, make_app
from schemas import metrics, settings
from schemas.settings import Settings
from schemas.telemetry import logs, ops, tracing

#: For requests in flight at shutdown; some hang.
SHUTDOWN_TIMEOUT_SECONDS = 0.5


def main() -> int:
    """Serve until SIGTERM; returns 2 if a setting is wrong."""
    try:
        given = settings.read(checks=[faults])
        tracing.start(given, "messaging")
    except settings.SettingError as error:
        print(error, file=sys.stderr)
        return 2
    logs.configure(given, "messaging")
    uvloop.run(_serve(given))
    return 0


async def _serve(given: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if (seen := ops.start(given)) is not None:
        seen.watch_loop(asyncio.get_running_loop())
    runner = web.AppRunner(
        make_app(initial(given)),
        access_log=None,
        handle_signals=False,
        shutdown_timeout=SHUTDOWN_TIMEOUT_SECONDS,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, given.messaging_host, given.messaging_port).start()
        metrics.ready.set(1)
        await stop.wait()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    sys.exit(main())
