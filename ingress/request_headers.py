"""Headers of a request that carry meaning: the idempotency key, the trace, the kind of body."""

import re

from multidict import CIMultiDictProxy

from ingress.problems import Fault, Problem, invalid
from schemas import codec
from schemas.telemetry import tracing

IDEMPOTENCY_KEY = "Idempotency-Key"

_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]{1,255}")


def idempotency_key(headers: CIMultiDictProxy[str]) -> str:
    """Return the request's one key; raises Problem."""
    keys = headers.getall(IDEMPOTENCY_KEY, ())
    if not keys:
        raise Problem("idempotency-key-missing")
    if len(keys) > 1:
        raise invalid(Fault(IDEMPOTENCY_KEY, "repeated-header", where="header"))
    if not _VISIBLE_ASCII.fullmatch(keys[0]):
        raise invalid(Fault(IDEMPOTENCY_KEY, "visible-ascii", where="header"))
    return keys[0]


def traceparent(headers: CIMultiDictProxy[str]) -> bytes:
    """Return the context for what this request causes: its span's, else its caller's, else a new one."""
    return tracing.current.get() or given_traceparent(headers) or codec.new_traceparent()


def given_traceparent(headers: CIMultiDictProxy[str]) -> bytes | None:
    """Return the caller's trace context; None where it sent none that can be read."""
    given = headers.get("traceparent", "").encode("ascii", "replace")
    return given if tracing.parse(given) is not None else None


def require_json(headers: CIMultiDictProxy[str]) -> None:
    """Refuse a body that says to be something else than JSON; raises Problem."""
    content_type = headers.get("Content-Type")
    if content_type is not None and content_type.partition(";")[0].strip().lower() != "application/json":
        raise Problem("unsupported-media-type")
