"""The dead letter of a record that cannot be decoded or decided: its bytes, key and headers, and the reason."""

from schemas.dead_letters import dead_letter_headers
from schemas.topics import DEAD_LETTER_TOPICS, ORDER_COMMANDS
from streams.agents.command_handler import UnreadableCommandError
from streams.exactly_once.ports import Message, Output


def dead_letter(message: Message, error: Exception) -> Output:
    """Return the record for the dead-letter topic."""
    reason = "unreadable" if isinstance(error, UnreadableCommandError) else "undecidable"
    headers = dead_letter_headers(
        message.headers, reason, error, message.topic, message.partition, message.offset
    )
    topic = DEAD_LETTER_TOPICS[ORDER_COMMANDS.name].name
    return Output(topic, message.partition, message.key, message.value, headers)
