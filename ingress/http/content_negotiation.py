"""What the client prefers: a language, by Accept-Language, or a page, by Accept (RFC 9110, section 12.5)."""

from collections.abc import Iterator
from functools import lru_cache

from schemas.languages import DEFAULT_LANGUAGE, Language

#: The language of each primary tag; of a tag without one we have no texts.
_LANGUAGES: dict[str, Language] = {"pt": "pt-BR", "*": DEFAULT_LANGUAGE, "en": "en"}
#: Ranges that a JSON problem satisfies.
_JSON_RANGES = frozenset({"application/problem+json", "application/json", "application/*", "*/*"})
#: Longest header whose result is cached, in characters.
MAX_CACHED_LENGTH = 256


def negotiate_language(accept_language: str) -> Language:
    """Return the language with the greatest quality; pt-BR if the header asks for none that we have."""
    is_short = len(accept_language) <= MAX_CACHED_LENGTH
    return _cached_language(accept_language) if is_short else _language(accept_language)


def _language(accept_language: str) -> Language:
    best, best_quality = DEFAULT_LANGUAGE, 0.0
    for language_range, quality in _qualities(accept_language):
        language = _LANGUAGES.get(language_range.partition("-")[0])
        if language is not None and quality > best_quality:  # the first of equals wins
            best, best_quality = language, quality
    return best


_cached_language = lru_cache(maxsize=256)(_language)


def prefers_html(accept: str) -> bool:
    """Return True if text/html is named with a greater quality than JSON has."""
    html = json = 0.0
    for media_range, quality in _qualities(accept):
        if media_range == "text/html":
            html = max(html, quality)
        elif media_range in _JSON_RANGES:
            json = max(json, quality)
    return html > json


def _qualities(header: str) -> Iterator[tuple[str, float]]:
    """Yield each range of a list in lower case, and its quality value `q`; 1 if it has none, 0 if it is not a number."""
    for entry in header.split(","):
        name, *parameters = entry.split(";")
        pairs = (parameter.partition("=") for parameter in parameters)
        value = next((value for key, _, value in pairs if key.strip().lower() == "q"), "1")
        try:
            quality = float(value)
        except ValueError:
            quality = 0.0
        yield name.strip().lower(), quality
