"""Request headers that handlers need: the idempotency key, the trace context, what the body is, lists of several lines."""

import re

from multidict import CIMultiDictProxy

from ingress.http.problems import FieldError, Problem, invalid
from schemas import codec
from schemas.telemetry import tracing

IDEMPOTENCY_KEY = "Idempotency-Key"
#: Longest list that is read of a header, in characters: as long as one line may be.
MAX_LIST_LENGTH = 8_190

#: The encodings of characters that are UTF-8, or a part of it.
_UTF_8 = frozenset({"utf-8", "utf8", "us-ascii"})

#: The one version of W3C Trace Context that exists; a longer value would carry a client's text into every record.
_TRACEPARENT = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]{1,255}")


def idempotency_key(headers: CIMultiDictProxy[str]) -> str:
    """Return the one key of the request; raises Problem if there is none, more than one or an invalid one."""
    keys = headers.getall(IDEMPOTENCY_KEY, ())
    if not keys:
        raise Problem("idempotency-key-missing")
    if len(keys) > 1:
        raise invalid(FieldError(IDEMPOTENCY_KEY, "repeated-header", kind="header"))
    if not _VISIBLE_ASCII.fullmatch(keys[0]):
        raise invalid(FieldError(IDEMPOTENCY_KEY, "visible-ascii", kind="header"))
    return keys[0]


def traceparent(headers: CIMultiDictProxy[str]) -> bytes:
    """Return the trace context for what this request causes: its span's, else its caller's, else a new one."""
    return tracing.current_traceparent() or caller_traceparent(headers) or codec.new_traceparent()


def caller_traceparent(headers: CIMultiDictProxy[str]) -> bytes | None:
    """Return the caller's trace context; None if it sent none that is valid."""
    value = joined(headers, "traceparent").encode("ascii", "replace")
    return value if _TRACEPARENT.fullmatch(value) else None


def joined(headers: CIMultiDictProxy[str], name: str) -> str:
    """Return all lines of a header as the one list that they are (RFC 9110, section 5.3); empty if there is none.

    A header that must not be a list thus becomes a value that no reader accepts.
    """
    return ",".join(headers.getall(name, ()))[:MAX_LIST_LENGTH]


def require_json(headers: CIMultiDictProxy[str]) -> None:
    """Raise Problem if the request declares a body that is not JSON in UTF-8."""
    content_type = headers.get("Content-Type")
    if content_type is None:
        return
    media_type, *parameters = content_type.lower().split(";")
    pairs = [parameter.partition("=") for parameter in parameters]
    charsets = {value.strip().strip('"') for name, _, value in pairs if name.strip() == "charset"}
    if media_type.strip() != "application/json" or not charsets <= _UTF_8:
        raise Problem("unsupported-media-type")


def require_identity(headers: CIMultiDictProxy[str]) -> None:
    """Raise Problem if the body is encoded, for example compressed: a small body could be very much work."""
    encodings = {encoding.strip().lower() for encoding in joined(headers, "Content-Encoding").split(",")}
    if not encodings <= {"", "identity"}:
        raise Problem("unsupported-media-type", headers={"Accept-Encoding": "identity"})
