"""`python -m streams`: one stream worker."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import faust
import mode.loop
from aiokafka.admin import AIOKafkaAdminClient

from schemas import heap, metrics, settings
from schemas.settings import Settings
from schemas.telemetry import logs, ops, tracing
from streams import topology
from streams.exactly_once.layer import LayerSettings
from streams.exactly_once.probes import kill_at


async def _cluster_id(bootstrap_servers: str) -> str:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        return str((await admin.describe_cluster())["cluster_id"])
    finally:
        await admin.close()


def _watched(seen: ops.Ops) -> Callable[[], Awaitable[None]]:
    """Return the task by which the loop that Faust has chosen becomes the one that has to turn."""

    async def watch_loop() -> None:
        seen.watch(asyncio.get_running_loop())

    return watch_loop


def _layer_settings(config: Settings, cluster_id: str) -> LayerSettings:
    return LayerSettings(
        bootstrap_servers=config.bootstrap_servers,
        application=topology.APPLICATION,
        folder=Path(config.data_dir).resolve() / "state" / (config.instance or "streams"),
        log_identity=cluster_id,
        transaction_timeout_seconds=config.transaction_timeout_seconds,
        max_batch=config.max_batch,
        probe=kill_at(config.kill_at),
        member=config.instance,
        partitions=config.partitions,
        standby_replicas=config.standby_replicas,
    )


def main() -> int:
    """Run until SIGTERM."""
    try:
        config = settings.read()
        tracing.start(config, "streams")
    except settings.SettingError as error:
        print(error, file=sys.stderr)
        return 2
    mode.loop.use("uvloop")
    logs.configure(config, "streams")
    seen = ops.start(config)
    metrics.ready.set(0)
    cluster_id = asyncio.run(_cluster_id(config.bootstrap_servers))
    layer_settings = _layer_settings(config, cluster_id)
    layer_settings.folder.mkdir(parents=True, exist_ok=True)
    app = topology.build(config, layer_settings)
    if seen is not None:
        app.task(_watched(seen))
    asyncio.run(app.layer.warm_up())
    heap.settle()
    worker = faust.Worker(app, loglevel=config.log_level, override_logging=False, console_port=0, quiet=True)
    worker.spinner = None  # of a terminal; its marks are no log lines
    try:
        worker.execute_from_commandline()
    except SystemExit as exit_:
        return int(exit_.code or 0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
