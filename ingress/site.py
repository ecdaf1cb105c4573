"""The pages' files: read once, named by what is in them, and filled in for one reader."""

import gzip
import hashlib
import html
import json
import re
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable

from msgspec import Struct

from ingress.texts import Language

#: What a browser may do on our pages: load from here, and nothing else; no inline scripts, styles or markup sinks.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'self'",
        "base-uri 'none'",
        "object-src 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types promo",
    ]
)
#: On the pages and their files. A restaurant's address is nobody else's business, hence no referrer.
SECURITY = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
#: Files whose address names their content.
FOREVER = "public, max-age=31536000, immutable"
#: Everything else is asked for again each time.
REVALIDATE = "no-cache"

_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_IMPORT = re.compile(r"""^import [^;]*? from '\./([\w-]+\.js)';$""", re.MULTILINE)
_PLACE = re.compile(r"\{\{(text )?([\w.]+)\}\}")
_TABLE = "texts.json"
#: The table of texts as the browser's modules import it.
_TABLE_MODULE = "texts.js"


class File(Struct, frozen=True):
    """A file as it is sent; `zipped` with gzip."""

    body: bytes
    zipped: bytes
    content_type: str


class Site:
    """All files of the pages."""

    def __init__(self, folder: Traversable) -> None:
        """Read the files of a folder."""
        raw = {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}
        self._texts: dict[str, tuple[str, str]] = json.loads(raw[_TABLE])
        raw[_TABLE_MODULE] = b"export default " + raw[_TABLE].strip() + b";\n"
        self.files = {
            name: File(body, gzip.compress(body, mtime=0), _TYPES[name.rpartition(".")[2]])
            for name, body in raw.items()
            if name.rpartition(".")[2] in _TYPES
        }
        self._pages = {
            name.removesuffix(".html"): raw[name].decode() for name in raw if name.endswith(".html")
        }
        content = b"".join(name.encode() + raw[name] for name in sorted(self.files))
        self.version = hashlib.blake2b(content, digest_size=9).hexdigest()
        self.page = lru_cache(maxsize=512)(self._page)

    def text(self, key: str, language: Language) -> str:
        """Return a text of the table."""
        return self._texts[key][0 if language == "pt-BR" else 1]

    def modules(self, entry: str) -> list[str]:
        """Return the modules that an entry module needs, so that a browser asks for all at once."""
        found, ahead = [entry], [entry]
        while ahead:
            for name in _IMPORT.findall(self.files[ahead.pop()].body.decode()):
                if name not in found:
                    found.append(name)
                    ahead.append(name)
        return found

    def _page(self, page: str, language: Language, restaurant_id: str, name: str) -> bytes:
        """Return a page in a language, for a restaurant (empty: none)."""
        base = f"/web/{self.version}"
        heading = name or self.text(f"{page}.title", language)
        preloads = (f'<link rel="modulepreload" href="{base}/{m}">' for m in self.modules(f"{page}.js"))
        values = {
            "language": language,
            "base": base,
            "restaurant": html.escape(restaurant_id),
            "name": html.escape(name),
            "title": html.escape(f"{heading} · {self.text('brand', language)}"),
            "modules": "\n".join(preloads),
        }

        def fill(place: re.Match[str]) -> str:
            return html.escape(self.text(place[2], language)) if place[1] else values[place[2]]

        return _PLACE.sub(fill, self._pages[page]).encode()


@lru_cache(maxsize=1)
def load() -> Site:
    """Return the site of this package."""
    return Site(resources.files("ingress.web"))
