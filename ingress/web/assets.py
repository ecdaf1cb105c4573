"""The files of the web pages: read once, named by their content, and filled in for one reader."""

import gzip
import hashlib
import html
import json
import re
import sys
from collections.abc import Callable
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable

import msgspec
from msgspec import Struct

from ingress.memory.sized_lru import SizedLru
from schemas.languages import Language

#: Browsers may load files from this origin only, and run nothing inline and no markup from strings.
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
#: Headers of pages and their files; ingress/http/security_headers.py adds the others.
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
#: For files whose address names their content.
IMMUTABLE = "public, max-age=31536000, immutable"
#: For everything else: browsers ask again each time.
REVALIDATE = "no-cache"

_CONTENT_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_IMPORT = re.compile(r"""^import [^;]*? from '\./([\w-]+\.js)';$""", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{\{(text )?([\w.]+)\}\}")
_TEXTS = "texts.json"
#: Texts that only one part of the pages needs, by the first word of their keys: they are a module of their own,
#: `board-texts.js`, and all others are `texts.js`.
_PARTS = ("board", "code")


class WebFile(Struct, frozen=True):
    """A file as it is sent, plain and compressed by gzip."""

    body: bytes
    gzipped: bytes
    content_type: str


class WebAssets:
    """All files of the pages; `version` is a hash of all of them."""

    def __init__(self, folder: Traversable) -> None:
        raw = {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}
        self._texts: dict[str, tuple[str, str]] = json.loads(raw[_TEXTS])
        raw["texts.js"] = _texts_module(self._texts, lambda part: part not in _PARTS)
        for own in _PARTS:
            raw[f"{own}-texts.js"] = _texts_module(self._texts, own.__eq__)
        self.files = {
            name: WebFile(body, gzip.compress(body, mtime=0), _CONTENT_TYPES[name.rpartition(".")[2]])
            for name, body in raw.items()
            if name.rpartition(".")[2] in _CONTENT_TYPES
        }
        self._templates = {
            name.removesuffix(".html"): raw[name].decode() for name in raw if name.endswith(".html")
        }
        content = b"".join(name.encode() + raw[name] for name in sorted(self.files))
        self.version = hashlib.blake2b(content, digest_size=9).hexdigest()
        entries = {f"{page}.js" for page in self._templates} & self.files.keys()
        self._modules = {entry: self.imported_modules(entry) for entry in entries}
        self._pages: SizedLru[tuple[str, Language, str, str], bytes] = SizedLru("web_pages")

    def text(self, key: str, language: Language) -> str:
        """Return a text of `texts.json`."""
        return self._texts[key][0 if language == "pt-BR" else 1]

    def imported_modules(self, entry: str) -> list[str]:
        """Return the names of all modules that an entry module imports, so that a browser loads them at once."""
        found, pending = [entry], [entry]
        while pending:
            for name in _IMPORT.findall(self.files[pending.pop()].body.decode()):
                if name not in found:
                    found.append(name)
                    pending.append(name)
        return found

    def page(self, page: str, language: Language, restaurant_id: str, name: str) -> bytes:
        """Return a page in a language, for a restaurant (empty: for none)."""
        key = page, language, restaurant_id, name
        body = self._pages.get(key)
        if body is None:
            body = self._render(*key)
            size = sys.getsizeof(restaurant_id) + sys.getsizeof(name) + len(body)
            self._pages.put_on_second_request(key, body, size)
        return body

    def _render(self, page: str, language: Language, restaurant_id: str, name: str) -> bytes:
        base = f"/web/{self.version}"
        heading = name or self.text(f"{page}.title", language)
        entry = f"{page}.js"
        modules = self._modules.get(entry, [])
        values = {
            "language": language,
            "base": base,
            "restaurant": html.escape(restaurant_id),
            "name": html.escape(name),
            "title": html.escape(f"{heading} · {self.text('brand', language)}"),
            "modules": "\n".join(f'<link rel="modulepreload" href="{base}/{name}">' for name in modules),
        }

        def fill(match: re.Match[str]) -> str:
            return html.escape(self.text(match[2], language)) if match[1] else values[match[2]]

        return _PLACEHOLDER.sub(fill, self._templates[page]).encode()


def _texts_module(texts: dict[str, tuple[str, str]], is_part: Callable[[str], bool]) -> bytes:
    chosen = {key: text for key, text in texts.items() if is_part(key.partition(".")[0])}
    return b"export default " + msgspec.json.encode(chosen) + b";\n"


@lru_cache(maxsize=1)
def load() -> WebAssets:
    """Return the files of this package."""
    return WebAssets(resources.files("ingress.web"))
