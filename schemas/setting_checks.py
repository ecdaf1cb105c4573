"""Checks of the environment against the types of the settings, and what their faults say."""

import math
import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin

import msgspec
from msgspec import inspect

from schemas.setting_types import TextFormat

#: Names with our prefix that are no settings: of the compose file, of README's examples, of the benchmarks.
OTHER_NAMES = frozenset({"PROMO_IMAGE", "PROMO_BASE", "PROMO_URL", "PROMO_BENCH", "PROMO_REPO"})
TEST_PREFIX = "PROMO_TEST_"


def parse(hint: Any, text: str, default: object) -> Any:
    """Return the value of a setting of this type. The default is valid even without the type's format: it may be empty.

    Raises ValueError with the part of the message that follows the setting's name.
    """
    text_format = _text_format(hint)
    try:
        value = msgspec.convert(text, hint, strict=False)
        is_valid = not isinstance(value, float) or math.isfinite(value)
        if isinstance(value, int) and not isinstance(value, bool):  # msgspec also reads 1e3
            is_valid = re.fullmatch(r"[0-9]+", text) is not None
        if text_format is not None and value != default:
            is_valid = bool(text_format.matches(text))
    except ValueError:
        is_valid = False
    if not is_valid:
        quoted = "" if text_format is not None and text_format.is_secret else f"={text!r}"
        raise ValueError(f"{quoted}: expected {_expected(hint)}")
    return value


def meaning(hint: Any) -> str:
    """Return the description of a setting, and which values it accepts."""
    described = next(part for part in get_args(hint)[1:] if isinstance(part, str))
    return f"{described} ({values})" if (values := _expected(hint)) else described


def own_variables(environ: Mapping[str, str], prefix: str, known: Collection[str]) -> Iterator[str]:
    """Yield the variables with our prefix that have to be settings.

    Kubernetes gives every container the addresses of the Services in its namespace, in variables named after
    them: for a Service promo-redis, PROMO_REDIS_SERVICE_HOST and PROMO_REDIS_PORT=tcp://10.0.0.7:6379 among others.
    """
    services = tuple(name.removesuffix("SERVICE_HOST") for name in environ if name.endswith("_SERVICE_HOST"))
    for variable, text in environ.items():
        if not variable.startswith(prefix) or variable in OTHER_NAMES or variable.startswith(TEST_PREFIX):
            continue
        if variable.startswith(services) and (variable not in known or "://" in text):
            continue
        yield variable


def unknown_name(variable: str, prefix: str, known: Collection[str]) -> str:
    """Return the message for a variable that names no setting; it suggests the closest name."""
    names = [name.removeprefix(prefix) for name in known]
    closest = get_close_matches(variable.removeprefix(prefix), names, n=1, cutoff=0.5)
    hint = f"did you mean {prefix}{closest[0]}?" if closest else "`promo settings` lists all"
    return f"{variable}: there is no such setting; {hint}"


def _text_format(hint: Any) -> TextFormat | None:
    return next((meta for meta in get_args(hint) if isinstance(meta, TextFormat)), None)


def _expected(hint: Any) -> str:
    """Return in words which values a type accepts; empty if it accepts any text."""
    if (text_format := _text_format(hint)) is not None:
        return text_format.expected
    base = get_args(hint)[0]
    if get_origin(base) is Literal:
        *others, last = get_args(base)
        return f"{', '.join(others)} or {last}"
    kind = inspect.type_info(hint)
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    if isinstance(kind, inspect.BoolType):
        return "1 or 0"
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        return ("a whole number" if isinstance(kind, inspect.IntType) else "a number") + _bounds(kind)
    return ""


def _bounds(kind: inspect.IntType | inspect.FloatType) -> str:
    if kind.gt is not None:
        return f" above {kind.gt}" + (f", at most {kind.le}" if kind.le is not None else "")
    return f" of at least {kind.ge}" if kind.le is None else f" from {kind.ge} to {kind.le}"
