"""The texts of request bodies: each is normalized and checked by the rule that its type names.

The type of a field names its rule by `Meta(extra={"text": RULE})`, so no handler can forget one. The rules are applied
here and not where commands are decoded, since the log holds texts that are older than the rules.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct, inspect

from ingress.http.body_validation import BodyReader
from ingress.http.problems import FieldError
from schemas import contacts, endpoint_urls, texts
from schemas.texts import TextError

B = TypeVar("B", bound=Struct)

_Rule = Callable[[str], str]


class TextBodyReader(BodyReader[B]):
    """Decodes, validates and normalizes request bodies of one class."""

    def __init__(self, cls: type[B], rules: Callable[[B], list[FieldError]] = lambda body: []) -> None:
        """Args: see BodyReader. `rules` get the body before it is normalized."""
        self._texts = TextFields(inspect.type_info(cls))
        super().__init__(cls, lambda body: self._texts.normalize(body)[1] + rules(body))

    def read(self, raw: bytes) -> B:
        """Return the body with normal texts; raises Problem `invalid-request` with every error."""
        body: B = self._texts.normalize(super().read(raw))[0]
        return body


class TextFields:
    """The fields of a struct that hold texts, at any depth, with their rules."""

    def __init__(self, struct: Any) -> None:
        """Args:
        struct: what `msgspec.inspect` says about the struct's type.
        """
        self._rules: list[tuple[str, str, _Rule]] = []  # name of the field, its name in JSON, its rule
        self._structs: list[tuple[str, str, TextFields]] = []
        self._lists: list[tuple[str, str, TextFields]] = []
        for field in struct.fields:
            names = field.name, field.encode_name
            match _without_null(field.type):
                case inspect.Metadata(type=inspect.StrType() as text, extra={"text": str(rule)}):
                    self._rules.append((*names, partial(_apply, _RULES[rule], text)))
                case inspect.StructType() as nested:
                    self._structs.append((*names, TextFields(nested)))
                case inspect.ListType(item_type=inspect.StructType() as nested):
                    self._lists.append((*names, TextFields(nested)))

    def normalize(self, body: Any, at: str = "") -> tuple[Any, list[FieldError]]:
        """Return the struct with normal texts, and the errors of those that are not accepted.

        Args:
            body: the struct.
            at: its JSON pointer.
        """
        changes: dict[str, Any] = {}
        errors: list[FieldError] = []
        for name, step, rule in self._rules:
            if (text := getattr(body, name)) is not None:
                try:
                    if (normal := rule(text)) != text:
                        changes[name] = normal
                except TextError as error:
                    errors.append(FieldError(f"{at}/{step}", error.code, error.expected))
        for name, step, fields in self._structs:
            if (nested := getattr(body, name)) is not None:
                normal, found = fields.normalize(nested, f"{at}/{step}")
                errors += found
                if normal is not nested:
                    changes[name] = normal
        for name, step, fields in self._lists:
            members = [
                fields.normalize(member, f"{at}/{step}/{index}")
                for index, member in enumerate(getattr(body, name))
            ]
            errors += [error for _, found in members for error in found]
            changes[name] = [member for member, _ in members]
        return (msgspec.structs.replace(body, **changes) if changes else body), errors


def require_path_segment(identifier: str) -> str:
    """Return an identifier; raises TextError for one that clients and proxies would remove from a path (RFC 3986, 5.2.4)."""
    if identifier in (".", ".."):
        raise TextError("dot-segment")
    return identifier


def _phone(text: str) -> str:
    folded = contacts.fold(text)
    return contacts.normalize_phone(folded) if folded else folded


_RULES: Final[dict[str, _Rule]] = {
    "line": texts.normalize,
    "paragraph": partial(texts.normalize, multiline=True),
    "postal-code": contacts.normalize_postal_code,
    "phone": _phone,
    "identifier": require_path_segment,
    "web-address": endpoint_urls.normalize,
}


def _apply(rule: _Rule, limits: inspect.StrType, text: str) -> str:
    """Return the normal text; raises TextError also if it shows nothing although it must, or has become too long."""
    normal = rule(text)
    if (normal or limits.min_length) and not texts.is_visible(normal):
        raise TextError("visible")
    if limits.max_length is not None and len(normal) > limits.max_length:
        raise TextError("maxLength", limits.max_length)
    return normal


def _without_null(choice: Any) -> Any:
    """Return the type of a value that is not null."""
    if isinstance(choice, inspect.UnionType):
        return next(member for member in choice.types if not isinstance(member, inspect.NoneType))
    return choice
