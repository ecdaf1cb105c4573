"""Request headers that handlers need: the idempotency key, the trace context, the content type."""

import re

from multidict import CIMultiDictProxy

from ingress.http.problems import FieldError, Problem, invalid
from schemas import codec
from schemas.telemetry import tracing

IDEMPOTENCY_KEY = "Idempotency-Key"

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
    value = headers.get("traceparent", "").encode("ascii", "replace")
    return value if _TRACEPARENT.fullmatch(value) else None


def require_json(headers: CIMultiDictProxy[str]) -> None:
    """Raise Problem if the request declares a body that is not JSON."""
    content_type = headers.get("Content-Type")
    if content_type is not None and content_type.partition(";")[0].strip().lower() != "application/json":
        raise Problem("unsupported-media-type")
