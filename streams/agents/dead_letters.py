"""What cannot be read or decided is set aside: its bytes, key and headers, and why."""

from schemas.topics import DEAD_LETTER_TOPICS, ORDER_COMMANDS
from streams.agents.commands import UnreadableCommandError
from streams.exactly_once.ports import Message, Output


def dead_letter(message: Message, error: Exception) -> Output:
    """Return the record for the dead-letter topic."""
    reason = "unreadable" if isinstance(error, UnreadableCommandError) else "undecidable"
    headers = [
        *message.headers,
        ("dlq-reason", reason.encode()),
        ("dlq-error", f"{type(error).__name__}: {error}".encode()[:1000]),
        ("dlq-topic", message.topic.encode()),
        ("dlq-partition", b"%d" % message.partition),
        ("dlq-offset", b"%d" % message.offset),
        ("dlq-attempts", b"1"),
    ]
    topic = DEAD_LETTER_TOPICS[ORDER_COMMANDS.name].name
    return Output(topic, message.partition, message.key, message.value, headers)
