"""Dead letters: a record that could not be processed keeps its bytes, key and headers; more headers say why.

It is written to the same partition of its topic's dead-letter topic, at least once. Readers recognise copies by
`dlq-topic`, `dlq-partition` and `dlq-offset`.
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
#: On a redriven record: the `partition/offset` of its dead letter.
REDRIVEN = "dlq-redriven"
#: On a record that marks a dead letter as resolved: the `partition/offset` of that dead letter, and how.
RESOLVED = "dlq-done"
ACTION = "dlq-action"
#: Why a person dropped it.
NOTE = "dlq-note"

#: Digits of the attempts that are read; int() refuses thousands of them.
MAX_ATTEMPTS_DIGITS = 9
#: An error's text is cut to this length.
MAX_ERROR_BYTES = 1000


def dead_letter_headers(
    headers: Iterable[tuple[str, bytes]],
    reason: str,
    error: Exception,
    topic: str,
    partition: int,
    offset: int,
) -> Headers:
    """Return the headers of the dead letter that a record becomes, for a reason such as `unreadable` and its error.

    A redriven record that fails again has one attempt more.
    """
    attempts = last_header(headers, ATTEMPTS) or b"0"
    return [
        *original_headers(headers),
        (REASON, reason.encode()),
        (ERROR, f"{type(error).__name__}: {error}".encode(errors="replace")[:MAX_ERROR_BYTES]),
        (TOPIC, topic.encode()),
        (PARTITION, b"%d" % partition),
        (OFFSET, b"%d" % offset),
        (ATTEMPTS, b"%d" % (int(attempts[:MAX_ATTEMPTS_DIGITS]) + 1 if attempts.isdigit() else 1)),
    ]


def original_headers(headers: Iterable[tuple[str, bytes]]) -> Headers:
    """Return the headers without those of a dead letter."""
    return [(name, value) for name, value in headers if not name.startswith(PREFIX)]


def last_header(headers: Iterable[tuple[str, bytes]], name: str) -> bytes | None:
    """Return the last header of this name, or None: ours come after the record's own."""
    return next((value for key, value in reversed(list(headers)) if key == name), None)
