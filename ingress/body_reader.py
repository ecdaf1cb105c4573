"""From bytes to a body: strict, and thorough about what is wrong."""

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from ingress import body_faults
from ingress.problems import Fault, invalid

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode


class BodyReader(Generic[T]):
    """Reads bodies of one class."""

    def __init__(self, cls: type[T], rules: Callable[[T], list[Fault]]) -> None:
        """Take the class and the rules that its schema cannot say."""
        self._decode = msgspec.json.Decoder(cls).decode
        self._shape = body_faults.Shape(cls)
        self._rules = rules

    def read(self, raw: bytes) -> tuple[T, bytes]:
        """Return the body and its canonical encoding; raises Problem with every fault."""
        try:
            body = self._decode(raw)
            _, faults = body_faults.parse(raw)  # msgspec takes the last of two equal fields
        except msgspec.ValidationError as error:
            raise invalid(*self._faults(raw, error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, body_faults.Malformed):
            raise invalid(Fault("", "malformed")) from None
        faults.extend(self._rules(body))
        if faults:
            raise invalid(*faults)
        return body, _encode(body)

    def _faults(self, raw: bytes, error: msgspec.ValidationError) -> list[Fault]:
        try:
            value, repeated = body_faults.parse(raw)
            faults = repeated + self._shape.faults(value)
        except body_faults.Malformed:
            return [Fault("", "malformed")]
        return faults or [body_faults.first_fault(error)]
