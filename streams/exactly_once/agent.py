"""What a Faust application declares: transactional tables, and an agent over a source topic."""

from collections.abc import Callable
from typing import Any

import faust
from faust.types import TopicT

from streams.exactly_once.micro_batch import DeadLetterFactory, MessageHandler
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
    tables: list[TransactionalTable],
    dead_letter: DeadLetterFactory,
) -> Callable[[MessageHandler], MessageHandler]:
    """Make the decorated handler the one writer of `tables`, called for each message of `topic`.

    Args:
        app: the application; its `runtime` must be set.
        topic: the source topic.
        changelog: a compacted topic with as many partitions as `topic`.
        tables: the tables that the handler reads and writes.
        dead_letter: returns the record to write if the handler raises.
    """

    def register(handler: MessageHandler) -> MessageHandler:
        name = topic.get_topic_name()
        records: dict[str, type[Any]] = {table.name: table.value_type for table in tables}
        app.runtime.add(Source(name, changelog, records, handler, dead_letter))
        app.topics.add(topic)
        return handler

    return register
