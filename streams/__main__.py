"""`python -m streams`: one stream worker."""

import logging
import sys
from pathlib import Path

import faust
import mode.loop
from aiokafka.admin import AIOKafkaAdminClient
from prometheus_client import start_http_server

from schemas import metrics, settings
from schemas.settings import Settings
from streams import topology
from streams.exactly_once.layer import LayerSettings
from streams.exactly_once.probes import kill_at

log = logging.getLogger(__name__)


async def _cluster_id(bootstrap_servers: str) -> str:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        return str((await admin.describe_cluster())["cluster_id"])
    finally:
        await admin.close()


def _layer_settings(config: Settings, cluster_id: str) -> LayerSettings:
    return LayerSettings(
        bootstrap_servers=config.bootstrap_servers,
        application=topology.APPLICATION,
        folder=Path(config.data_dir).resolve() / "state" / (config.instance or "streams"),
        log_identity=cluster_id,
        transaction_timeout_seconds=config.transaction_timeout_seconds,
        max_batch=config.max_batch,
        probe=kill_at(config.kill_at),
    )


def main() -> int:
    """Run until SIGTERM."""
    config = settings.read()
    mode.loop.use("uvloop")
    import asyncio  # after `use`, which sets the policy of the loops made from here on

    logging.basicConfig(level=config.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("aiokafka").setLevel(logging.WARNING)
    if config.ops_port:
        start_http_server(config.ops_port, addr="127.0.0.1")
    metrics.ready.set(0)
    cluster_id = asyncio.run(_cluster_id(config.bootstrap_servers))
    layer_settings = _layer_settings(config, cluster_id)
    layer_settings.folder.mkdir(parents=True, exist_ok=True)
    app = topology.build(config, layer_settings)
    worker = faust.Worker(app, loglevel=config.log_level, override_logging=False, console_port=0)
    try:
        worker.execute_from_commandline()
    except SystemExit as exit_:
        return int(exit_.code or 0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
