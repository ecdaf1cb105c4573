"""`python -m compose.provider`: the simulated payment provider; settings from the environment."""

import asyncio
import contextlib
import signal
import sys
from pathlib import Path

import uvloop
from aiohttp import web

from compose.provider import behaviour
from compose.provider.app import make_app
from compose.provider.ledger import Ledger
from schemas import metrics, settings
from schemas.runtime.secret_file import SecretFile, provider_token
from schemas.settings import Settings
from schemas.telemetry import logs, ops, tracing

#: For requests in flight at shutdown; some hang indefinitely.
SHUTDOWN_TIMEOUT_SECONDS = 0.5


def main() -> int:
    """Serve until SIGTERM; returns 2 if a setting is wrong."""
    try:
        given = settings.read(checks=[behaviour.faults])
        token = provider_token(given)
        tracing.start(given, "payments")
    except settings.SettingError as error:
        print(error, file=sys.stderr)
        return 2
    logs.configure(given, "payments")
    uvloop.run(_serve(given, token))
    return 0


async def _serve(settings: Settings, token: SecretFile) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if (seen := ops.start(settings)) is not None:
        seen.watch_loop(asyncio.get_running_loop())
    with contextlib.closing(Ledger(Path(settings.data_dir) / "payments" / "ledger.jsonl")) as ledger:
        runner = web.AppRunner(
            make_app(ledger, behaviour.initial(settings), token),
            access_log=None,
            handle_signals=False,
            shutdown_timeout=SHUTDOWN_TIMEOUT_SECONDS,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, settings.provider_host, settings.provider_port).start()
            metrics.ready.set(1)
            await stop.wait()
        finally:
            await runner.cleanup()


if __name__ == "__main__":
    sys.exit(main())
