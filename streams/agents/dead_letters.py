"""What cannot be read or decided is set aside: its bytes, key and headers, and why."""

from schemas.dead_letters import set_aside
from schemas.topics import DEAD_LETTER_TOPICS, ORDER_COMMANDS
from streams.agents.commands import UnreadableCommandError
from streams.exactly_once.ports import Message, Output


def dead_letter(message: Message, error: Exception) -> Output:
    """Return the record for the dead-letter topic."""
    reason = "unreadable" if isinstance(error, UnreadableCommandError) else "undecidable"
    headers = set_aside(message.headers, reason, error, message.topic, message.partition, message.offset)
    topic = DEAD_LETTER_TOPICS[ORDER_COMMANDS.name].name
    return Output(topic, message.partition, message.key, message.value, headers)
