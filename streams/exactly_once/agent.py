"""The face of the layer in a Faust application: tables, and an agent over a source topic."""

from collections.abc import Callable
from typing import Any

import faust
from faust.types import TopicT

from streams.exactly_once.batch import DeadLetter, Function
from streams.exactly_once.layer import Source
from streams.exactly_once.transport import App


class Table(faust.Table):
    """A Faust table whose changelog is the transaction of the agent that it belongs to.

    Declared by `app.Table(name, value_type=Record)`; records are msgspec Structs, keys are strings.
    Its agent's function reads and puts through the tables that it is given.
    """

    async def on_start(self) -> None:
        """Declare no changelog topic and open no store: the processors of the layer have both."""


def agent(
    app: App, topic: TopicT, *, changelog: str, tables: list[Table], dead_letter: DeadLetter
) -> Callable[[Function], Function]:
    """Make the decorated function the one writer of `tables`, called for each message of `topic`.

    `changelog` names a compacted topic with as many partitions as `topic`.
    """

    def register(function: Function) -> Function:
        name = topic.get_topic_name()
        records: dict[str, type[Any]] = {table.name: table.value_type for table in tables}
        app.layer.add(Source(name, changelog, records, function, dead_letter))
        app.topics.add(topic)
        return function

    return register
