"""Dead letters: what could not be processed keeps its bytes, key and headers; headers added here say why.

Whoever sets a record aside writes it to the same partition of the topic's dead-letter topic. It may be
written more than once: readers tell copies by (`dlq-topic`, `dlq-partition`, `dlq-offset`).
"""

from collections.abc import Iterable

from schemas.codec import Headers

PREFIX = "dlq-"
REASON = "dlq-reason"
ERROR = "dlq-error"
TOPIC = "dlq-topic"
PARTITION = "dlq-partition"
OFFSET = "dlq-offset"
ATTEMPTS = "dlq-attempts"
#: On a record that was put back: which one it was, `partition/offset`.
REDRIVEN = "dlq-redriven"
#: On a record that is no dead letter but says that one is done with: which one, and how.
DONE = "dlq-done"
ACTION = "dlq-action"

#: Longest text of an error, in bytes.
MAX_ERROR_BYTES = 1000


def set_aside(
    headers: Iterable[tuple[str, bytes]],
    reason: str,
    error: Exception,
    topic: str,
    partition: int,
    offset: int,
) -> Headers:
    """Return the headers of the dead letter that a record of this place becomes.

    A record that was put back and dies again has one attempt more behind it.
    """
    attempts = last(headers, ATTEMPTS) or b"0"
    return [
        *without(headers),
        (REASON, reason.encode()),
        (ERROR, f"{type(error).__name__}: {error}".encode(errors="replace")[:MAX_ERROR_BYTES]),
        (TOPIC, topic.encode()),
        (PARTITION, b"%d" % partition),
        (OFFSET, b"%d" % offset),
        (ATTEMPTS, b"%d" % (int(attempts) + 1 if attempts.isdigit() else 1)),
    ]


def without(headers: Iterable[tuple[str, bytes]]) -> Headers:
    """Return the headers that the record had before it was set aside."""
    return [(name, value) for name, value in headers if not name.startswith(PREFIX)]


def last(headers: Iterable[tuple[str, bytes]], name: str) -> bytes | None:
    """Return the last header of this name: ours stand behind whatever the record brought along."""
    return next((value for key, value in reversed(list(headers)) if key == name), None)
