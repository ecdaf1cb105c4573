"""What the client prefers: a language, by Accept-Language, or a page, by Accept (RFC 9110, section 12.5)."""

import re
from functools import lru_cache

from schemas.languages import DEFAULT_LANGUAGE, Language

#: The ranges that match each language, the most specific first.
_RANGES: dict[Language, tuple[str, ...]] = {DEFAULT_LANGUAGE: ("pt-br", "pt"), "en": ("en",)}
#: The language for readers of each primary tag, also of a region whose texts we do not have.
_LANGUAGES: dict[str, Language] = {"pt": DEFAULT_LANGUAGE, "en": "en"}
#: Ranges that a JSON problem satisfies, the most specific first.
_JSON_RANGES = (("application/problem+json", "application/json"), ("application/*",), ("*/*",))
_QUALITY = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
#: Longest header whose result is cached, in characters.
MAX_CACHED_LENGTH = 256
#: Ranges that are read of a header, and parameters of a range: more than any browser sends.
MAX_RANGES = 64
MAX_PARAMETERS = 8


def negotiate_language(accept_language: str) -> Language:
    """Return the language with the greatest quality; pt-BR if the header accepts none that we have."""
    is_short = len(accept_language) <= MAX_CACHED_LENGTH
    return _cached_language(accept_language) if is_short else _language(accept_language)


def _language(accept_language: str) -> Language:
    qualities = _qualities(accept_language)
    refused = {
        language
        for language, ranges in _RANGES.items()
        if next((qualities[name] for name in ranges if name in qualities), None) == 0
    }
    named = {_LANGUAGES.get(_primary(name)) for name, quality in qualities.items() if quality > 0}
    best, best_quality = DEFAULT_LANGUAGE, 0.0
    for name, quality in qualities.items():
        choices = [
            language for language in _RANGES if language not in named
        ]  # `*` is for what nothing else names
        if name != "*":
            choices = [language for language in _RANGES if language == _LANGUAGES.get(_primary(name))]
        for language in choices:
            if language not in refused and quality > best_quality:  # the first of equals wins
                best, best_quality = language, quality
    return best


_cached_language = lru_cache(maxsize=256)(_language)


def prefers_html(accept: str) -> bool:
    """Return True if text/html is named with a greater quality than JSON has."""
    qualities = _qualities(accept)
    json = next(
        (
            max(qualities.get(name, 0.0) for name in ranges)
            for ranges in _JSON_RANGES
            if not qualities.keys().isdisjoint(ranges)
        ),
        0.0,
    )
    return qualities.get("text/html", 0.0) > json


def _primary(language_range: str) -> str:
    return language_range.partition("-")[0]


def _qualities(header: str) -> dict[str, float]:
    """Return the quality value `q` of each of the first ranges, in lower case and in their order; 1 if it has none.

    An entry whose quality is not valid is left out (RFC 9110, section 12.4.2).
    """
    qualities: dict[str, float] = {}
    for entry in header.split(",", MAX_RANGES)[:MAX_RANGES]:
        parts = entry.split(";", MAX_PARAMETERS)[:MAX_PARAMETERS]
        name, *parameters = (part.strip().lower() for part in parts)
        pairs = (parameter.partition("=") for parameter in parameters)
        value = next((value for key, _, value in pairs if key.strip() == "q"), "1")
        if _QUALITY.fullmatch(value):
            qualities[name] = max(qualities.get(name, 0.0), float(value))
    return qualities
