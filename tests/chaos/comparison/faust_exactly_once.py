"""The counter as in the documentation of Faust: a table, with processing_guarantee="exactly_once"."""

import json
import sys
from pathlib import Path

import faust

from schemas import settings
from schemas.settings import Settings
from tests.chaos.comparison import topics

WORKLOAD = "faust-own"


def build(config: Settings) -> faust.App:
    """Return the application."""
    folder = Path(config.data_dir) / "state" / config.instance
    folder.mkdir(parents=True, exist_ok=True)
    app = faust.App(
        WORKLOAD,
        broker=f"kafka://{config.kafka.bootstrap_servers}",
        processing_guarantee="exactly_once",
        store="rocksdb://?driver=rocksdict",
        datadir=str(folder),
        topic_partitions=topics.PARTITIONS,
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        broker_session_timeout=config.session_timeout_seconds,
        broker_heartbeat_interval=config.session_timeout_seconds / 5,
        broker_commit_interval=0.1,
        recovery_consistency_check=False,  # with it, a killed worker does not start again
        stream_wait_empty=True,
    )
    source = app.topic(
        topics.name(WORKLOAD, topics.IN), key_type=str, value_type=bytes, value_serializer="raw"
    )
    results = app.topic(
        topics.name(WORKLOAD, topics.OUT), key_type=str, value_type=bytes, value_serializer="raw"
    )
    changelog = app.topic(
        topics.name(WORKLOAD, topics.CHANGELOG), partitions=topics.PARTITIONS, compacting=True
    )
    counts = app.Table("counts", default=int, partitions=topics.PARTITIONS, changelog_topic=changelog)

    @app.agent(source)
    async def count(stream: faust.StreamT) -> None:
        async for key, identity in stream.items():
            counts[key] += 1
            outcome = {"id": identity.decode(), "count": counts[key]}
            await results.send(key=key, value=json.dumps(outcome).encode())

    return app


def main() -> None:
    """Run a worker."""
    sys.argv = sys.argv[:1]
    faust.Worker(build(settings.read()), loglevel="INFO", console_port=0).execute_from_commandline()


if __name__ == "__main__":
    main()
