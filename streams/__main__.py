"""`python -m streams`: one stream worker."""

from schemas.runtime import dependencies

dependencies.require()

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import faust
import mode.loop

from schemas import metrics, settings
from schemas.consumer_groups import DECISIONS
from schemas.runtime import gc_tuning, topic_preflight
from schemas.runtime.topic_preflight import TopicsDifferError
from schemas.settings import Settings
from schemas.telemetry import logs, ops, tracing
from streams import memory_budget, topology
from streams.exactly_once import failpoints
from streams.exactly_once.failpoints import kill_at
from streams.exactly_once.runtime import RuntimeSettings


def _loop_watcher(server: ops.OpsServer) -> Callable[[], Awaitable[None]]:
    """Return a task that names the event loop whose progress is the worker's liveness: the one that Faust chose."""

    async def watch_loop() -> None:
        server.watch_loop(asyncio.get_running_loop())

    return watch_loop


def _runtime_settings(config: Settings, cluster_id: str) -> RuntimeSettings:
    return RuntimeSettings(
        connection=config.kafka,
        application=DECISIONS.name,
        folder=Path(config.data_dir).resolve() / "state" / (config.instance or "streams"),
        log_identity=cluster_id,
        transaction_timeout_seconds=config.transaction_timeout_seconds,
        max_batch=config.max_transaction_commands,
        failpoint=kill_at(config.failpoint),
        member=config.instance,
        partitions=config.partitions,
        standby_replicas=config.standby_replicas,
    )


def main() -> int:
    """Run a worker until SIGTERM; return the exit code."""
    try:
        config = settings.read(checks=[failpoints.faults])
        tracing.start(config, "streams")
    except settings.SettingError as error:
        print(error, file=sys.stderr)
        return 2
    mode.loop.use("uvloop")
    logs.configure(config, "streams")
    server = ops.start(config)
    metrics.ready.set(0)
    metrics.memory_budget.set(memory_budget.total(config))
    try:
        cluster_id = asyncio.run(topic_preflight.check_topics(config)).cluster_id
    except TopicsDifferError as error:
        print(error, file=sys.stderr)
        return 2
    runtime_settings = _runtime_settings(config, cluster_id)
    runtime_settings.folder.mkdir(parents=True, exist_ok=True)
    app = topology.build(config, runtime_settings)
    if server is not None:
        app.task(_loop_watcher(server))
    asyncio.run(app.runtime.warm_up())
    gc_tuning.freeze_startup_objects()
    worker = faust.Worker(app, loglevel=config.log_level, override_logging=False, console_port=0, quiet=True)
    worker.spinner = None  # it writes to the terminal, between the log lines
    try:
        worker.execute_from_commandline()
    except SystemExit as exit_:
        return int(exit_.code or 0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
