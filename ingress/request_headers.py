"""Headers of a request that carry meaning: the idempotency key, the trace, the kind of body."""

import re

from multidict import CIMultiDictProxy

from ingress.problems import Fault, Problem, invalid
from schemas import codec

IDEMPOTENCY_KEY = "Idempotency-Key"

_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]{1,255}")
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


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
    """Return the caller's trace context, or a new one where it sent none that can be read."""
    given = headers.get("traceparent")
    if given is not None and _TRACEPARENT.fullmatch(given):
        return given.encode()
    return codec.new_traceparent()


def require_json(headers: CIMultiDictProxy[str]) -> None:
    """Refuse a body that says to be something else than JSON; raises Problem."""
    content_type = headers.get("Content-Type")
    if content_type is not None and content_type.partition(";")[0].strip().lower() != "application/json":
        raise Problem("unsupported-media-type")
