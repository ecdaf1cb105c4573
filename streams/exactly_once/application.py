"""What the runtime needs of an application."""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from schemas.timestamps import EpochMs
from streams.exactly_once.ports import Message, Output
from streams.exactly_once.staging import StagedTable

Tables = dict[str, StagedTable[Any]]
#: Called with a message, the time, the tables, and the list to which it appends the records that it writes. It returns
#: in a word what became of the message, for the metrics. It must not await, and must depend on its arguments alone. The
#: time never runs backwards.
MessageHandler = Callable[[Message, EpochMs, Tables, list[Output]], str]
#: Returns the records to write for a message that is set aside.
DeadLetterFactory = Callable[[Message, Exception], Sequence[Output]]

#: The result of a message that asked nothing of the handler, so it does not show that the handler works.
IDLE = "idle"
#: Bytes of one record that a broker takes if nothing else is configured: `message.max.bytes` less the batch's own header.
DEFAULT_MAX_RECORD_BYTES = 1_048_588 - 61


class Application(Struct, frozen=True):
    """A handler of messages, and what to do with those that it cannot handle."""

    handler: MessageHandler
    dead_letter: DeadLetterFactory
    #: The errors by which the handler rejects a message. Any other error is a defect of the handler.
    rejections: tuple[type[Exception], ...] = ()
    #: Returns the bytes of one record that the broker takes in this topic.
    max_record_bytes: Callable[[str], int] = lambda topic: DEFAULT_MAX_RECORD_BYTES
