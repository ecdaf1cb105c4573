"""What a Faust application declares: transactional tables, and an agent over a source topic."""

from collections.abc import Callable, Mapping
from typing import Any

import faust
from faust.types import TopicT

from streams.exactly_once.application import (
    DEFAULT_MAX_RECORD_BYTES,
    Application,
    DeadLetterFactory,
    MessageHandler,
)
from streams.exactly_once.record_codec import RecordVersions
from streams.exactly_once.runtime import Source
from streams.exactly_once.transport import App


class TransactionalTable(faust.Table):
    """A Faust table that is written in the transactions of its agent.

    Declared by `app.Table(name, value_type=Record)`. Records are msgspec Structs, keys are strings. The agent's
    handler reads and writes it through the tables that it is passed.
    """

    async def on_start(self) -> None:
        """Faust would declare a changelog topic and open a store; the runtime's processors have both."""


def agent(
    app: App,
    topic: TopicT,
    *,
    changelog: str,
    acceptances: str,
    tables: list[TransactionalTable],
    versions: Mapping[str, RecordVersions] | None = None,
    dead_letter: DeadLetterFactory,
    rejections: tuple[type[Exception], ...] = (),
    max_record_bytes: Callable[[str], int] = lambda topic: DEFAULT_MAX_RECORD_BYTES,
) -> Callable[[MessageHandler], MessageHandler]:
    """Make the decorated handler the one writer of `tables`, called for each message of `topic`.

    Args:
        app: the application; its `runtime` must be set.
        topic: the source topic.
        changelog: a compacted topic with as many partitions as `topic`.
        acceptances: a topic with as many partitions, in which operators accept leaps of the records' time.
        tables: the tables that the handler reads and writes.
        versions: of the records of tables whose version is not 1, by name.
        dead_letter: returns the records to write for a message that is set aside.
        rejections: the errors by which the handler rejects a message; any other one is a defect.
        max_record_bytes: returns the bytes of one record that the broker takes in a topic.
    """

    def register(handler: MessageHandler) -> MessageHandler:
        name = topic.get_topic_name()
        records: dict[str, type[Any]] = {table.name: table.value_type for table in tables}
        application = Application(handler, dead_letter, rejections, max_record_bytes)
        app.runtime.add(Source(name, changelog, acceptances, records, application, versions or {}))
        app.topics.add(topic)
        return handler

    return register
