"""Which language the reader asked for (RFC 9110, section 12.5.4)."""

from functools import lru_cache

from ingress.texts import Language

DEFAULT: Language = "pt-BR"


def _language(language_range: str) -> Language | None:
    primary = language_range.partition("-")[0].lower()
    if primary in ("pt", "*"):
        return DEFAULT
    return "en" if primary == "en" else None


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


@lru_cache(maxsize=256)
def negotiate(accept_language: str) -> Language:
    """Return the language liked best; pt-BR where nothing that we speak is asked for."""
    best, best_quality = DEFAULT, 0.0
    for part in accept_language.split(","):
        language_range, _, parameters = part.strip().partition(";")
        language, quality = _language(language_range.strip()), _quality(parameters)
        if language is not None and quality > best_quality:  # of equals, the first
            best, best_quality = language, quality
    return best
