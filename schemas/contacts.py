"""Postal codes (CEP) and phone numbers, as Brazilians write them, in the one form in which they are stored."""

import re
import unicodedata

from schemas import texts
from schemas.texts import TextError

_DASHES = re.compile("[\u2010-\u2015\u2212]")
_SEPARATORS = re.compile(r"[ ()./-]")
_POSTAL_CODE = re.compile(r"(?:cep:? ?)?([0-9]{2})[. ]?([0-9]{3}) ?-? ?([0-9]{3})", re.IGNORECASE)
_PHONE_LABEL = re.compile(r"tel\.?:? ?", re.IGNORECASE)
#: The country's code or the long-distance prefix, with or without a carrier; then the area code, and nine digits of a
#: mobile phone or eight of another one.
_BRAZILIAN = re.compile(r"(?:\+?550?|0(?:[1-9][0-9])?)?(?P<number>[1-9][1-9](?:9[0-9]{8}|[2-5][0-9]{7}))")
_FOREIGN = re.compile(r"\+(?!55)[1-9][0-9]{7,14}")
_INTERNATIONAL_PREFIX = re.compile("^00(?=[1-9])")
#: A trunk prefix beside the country's code: it is dialled in some countries and not in others.
_OPTIONAL_ZERO = re.compile(r"\( *0 *\)")


def normalize_postal_code(text: str) -> str:
    """Return a CEP as `50000-000`; raises TextError."""
    parts = _POSTAL_CODE.fullmatch(fold(text))
    if parts is None:
        raise TextError("postal-code")
    return f"{parts[1]}{parts[2]}-{parts[3]}"


def normalize_phone(text: str) -> str:
    """Return a phone number in E.164, as `+5581999990000`; raises TextError.

    A Brazilian number needs its area code. A number of another country begins with `+` or `00` and the country's
    code, and has no `(0)`: only its owner knows if that is dialled.
    """
    unlabelled = _PHONE_LABEL.sub("", fold(text), count=1)
    compact = _INTERNATIONAL_PREFIX.sub("+", _SEPARATORS.sub("", unlabelled))
    if brazilian := _BRAZILIAN.fullmatch(compact):
        return f"+55{brazilian['number']}"
    if _FOREIGN.fullmatch(compact) and not _OPTIONAL_ZERO.search(unlabelled):
        return compact
    raise TextError("phone")


def fold(text: str) -> str:
    """Return the text with the digits, dashes and blanks of ASCII in place of those that look like them.

    Raises TextError for hidden characters, as every text does.
    """
    return _DASHES.sub("-", unicodedata.normalize("NFKC", texts.normalize(text))).strip()
