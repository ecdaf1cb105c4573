"""`python -m compose.provider`: the simulated payment provider; settings from the environment."""

import asyncio
import contextlib
import signal
import sys
from pathlib import Path

import msgspec
import uvloop
from aiohttp import web

from compose.provider.app import make_app
from compose.provider.behaviour import Behaviour
from compose.provider.ledger import Ledger
from schemas import metrics, settings
from schemas.settings import Settings
from schemas.telemetry import logs, ops, tracing

#: How long a request that is under way may take at shutdown, in seconds; some hang for ever.
SHUTDOWN_SECONDS = 0.5


def main() -> int:
    """Serve until told to stop."""
    try:
        read = settings.read()
        tracing.start(read, "payments")
        behaviour = msgspec.json.decode(read.provider_behaviour or "{}", type=Behaviour)
    except (settings.SettingError, msgspec.DecodeError) as error:
        print(error, file=sys.stderr)
        return 2
    logs.configure(read, "payments")
    uvloop.run(_serve(read, behaviour))
    return 0


async def _serve(settings: Settings, behaviour: Behaviour) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if (seen := ops.start(settings)) is not None:
        seen.watch(asyncio.get_running_loop())
    with contextlib.closing(Ledger(Path(settings.data_dir) / "payments" / "ledger.jsonl")) as ledger:
        runner = web.AppRunner(
            make_app(ledger, behaviour),
            access_log=None,
            handle_signals=False,
            shutdown_timeout=SHUTDOWN_SECONDS,
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
