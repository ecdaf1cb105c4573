"""What is written for a command that cannot be decided: a dead letter, and a reply to the one who waits for it."""

from schemas import codec
from schemas.dead_letters import dead_letter_headers
from schemas.replies import Answer, Reply
from schemas.setting_types import MAX_PARTITIONS
from schemas.topics import DEAD_LETTER_TOPICS, ORDER_COMMANDS, ORDER_REPLIES
from streams.agents.command_handler import UnreadableCommandError
from streams.domain.decide import UnknownBucketError
from streams.exactly_once.ports import Message, Output, TooLargeError

#: The `dlq-reason` of each error by which a command is rejected.
_REASONS: dict[type[Exception], str] = {
    UnreadableCommandError: "unreadable",
    UnknownBucketError: "unknown-bucket",
    TooLargeError: "too-large",
}
#: That of any other error: this release cannot decide a command that it should decide.
DEFECT = "defect"


def dead_letter(message: Message, error: Exception, reply_partitions: int = MAX_PARTITIONS) -> list[Output]:
    """Return the dead letter with the command's bytes, key and headers and the reason, and the reply `undecidable`."""
    headers = dead_letter_headers(
        message.headers,
        _REASONS.get(type(error), DEFECT),
        error,
        message.topic,
        message.partition,
        message.offset,
    )
    topic = DEAD_LETTER_TOPICS[ORDER_COMMANDS.name].name
    outputs = [Output(topic, message.partition, message.key, message.value, headers)]
    if (address := codec.reply_address(message.headers, reply_partitions)) is not None:
        reply_headers = codec.headers(Reply, f"{message.partition}-{message.offset}-0", codec.NO_TRACE)
        reply_headers.append(("correlation-id", address.correlation_id))
        value = codec.encode(Reply(Answer("undecidable")))
        outputs.append(Output(ORDER_REPLIES.name, address.partition, message.key, value, reply_headers))
    return outputs
