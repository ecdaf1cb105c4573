"""The counter on streams/exactly_once, as in the README of that folder."""

import json
from pathlib import Path

import faust
from msgspec import Struct

from schemas import settings
from schemas.settings import Settings
from streams.exactly_once import transport
from streams.exactly_once.agent import TransactionalTable, agent
from streams.exactly_once.micro_batch import Tables
from streams.exactly_once.ports import Message, Output
from streams.exactly_once.runtime import ExactlyOnceRuntime, RuntimeSettings
from tests.chaos.comparison import topics

WORKLOAD = "our-runtime"


class KeyCount(Struct, frozen=True):
    """How often a key was seen."""

    n: int


def build(config: Settings) -> transport.App:
    """Return the application."""
    transport.register()
    folder = Path(config.data_dir) / "state" / config.instance
    folder.mkdir(parents=True, exist_ok=True)
    app = transport.App(
        WORKLOAD,
        broker=f"{transport.SCHEME}://{config.kafka.bootstrap_servers}",
        datadir=str(folder),
        Table=TransactionalTable,
        TableManager="streams.exactly_once.table_manager:TableManager",
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        stream_wait_empty=True,
        broker_session_timeout=config.session_timeout_seconds,
        broker_heartbeat_interval=config.session_timeout_seconds / 5,
        consumer_group_instance_id=config.instance,
        consumer_auto_offset_reset="earliest",
    )
    app.runtime = ExactlyOnceRuntime(RuntimeSettings(config.kafka, WORKLOAD, folder, log_identity=WORKLOAD))
    source = app.topic(topics.name(WORKLOAD, topics.IN), key_type=bytes, value_type=bytes)
    counts = app.Table("counts", value_type=KeyCount)
    changelog = topics.name(WORKLOAD, topics.CHANGELOG)

    @agent(app, source, changelog=changelog, tables=[counts], dead_letter=_dead_letter)
    def count(message: Message, now: int, tables: Tables, outputs: list[Output]) -> None:
        key = message.key.decode()
        seen = tables["counts"].get(key, KeyCount(0)).n + 1
        tables["counts"].put(key, KeyCount(seen))
        outcome = {"id": message.value.decode(), "count": seen}
        value = json.dumps(outcome).encode()
        outputs.append(Output(topics.name(WORKLOAD, topics.OUT), message.partition, message.key, value))

    return app


def _dead_letter(message: Message, error: Exception) -> Output:
    raise error


def main() -> None:
    """Run a worker."""
    faust.Worker(build(settings.read()), loglevel="INFO", console_port=0).execute_from_commandline()


if __name__ == "__main__":
    main()
