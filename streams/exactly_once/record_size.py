"""The size of a record on the broker, never less than it is (Kafka's record format, version 2)."""

from collections.abc import Callable, Iterable

from streams.exactly_once.ports import Output, RecordHeaders, TooLargeError

#: Length, attributes, timestamp, offset, and the lengths of key and value: variable integers, at their longest.
_RECORD_OVERHEAD = 40
#: What key and headers take at most, but for a stranger's.
HEADROOM_BYTES = 8_192
#: The lengths of a header's name and value.
_HEADER_OVERHEAD = 10


def record_size(key: bytes | None, value: bytes | None, headers: RecordHeaders = ()) -> int:
    """Return the bytes of one record, at most a few more than the broker counts."""
    in_headers = sum(len(name) * 4 + len(content or b"") + _HEADER_OVERHEAD for name, content in headers)
    return _RECORD_OVERHEAD + len(key or b"") + len(value or b"") + in_headers


def check_sizes(outputs: Iterable[Output], max_record_bytes: Callable[[str], int]) -> None:
    """Raise TooLargeError for the first record that its topic does not take.

    One with larger headers than HEADROOM_BYTES may be missed; then the broker refuses it.
    """
    for output in outputs:
        if len(output.value or b"") + HEADROOM_BYTES <= max_record_bytes(output.topic):
            continue  # as nearly all do: measuring each header would cost a tenth of a decision
        size = record_size(output.key, output.value, output.headers)
        if size > (limit := max_record_bytes(output.topic)):
            raise TooLargeError(f"a record for {output.topic} has {size} bytes; the topic takes {limit}")
