"""The HTML page of /docs, rendered from the OpenAPI document: no scripts, and nothing from other origins."""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Any

from ingress.openapi.texts import TEXTS
from schemas.languages import Language

STYLE = (Path(__file__).parent / "docs.css").read_text()
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
#: The browser may use this style and nothing else; ingress/http/security_headers.py adds the other headers.
SECURITY_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
}
#: Paths that are aliases: the request that does the same, and its operation.
_ALIASES = {
    "/catalogo": ("GET /v1/restaurants/{restaurant_id}/menu", "getMenu"),
    "/pedidos": ("POST /v1/orders", "placeOrder"),
}
_LANGUAGES: dict[Language, str] = {"pt-BR": "Português", "en": "English"}
_CODE = re.compile(r"`([^`]+)`")


def render(document: dict[str, Any], language: Language) -> str:
    """Return the page of an OpenAPI document in this language."""
    return "".join(_HtmlPage(document, language).parts())


class _HtmlPage:
    def __init__(self, document: dict[str, Any], language: Language) -> None:
        self._document = document
        self._language = language
        self._operations: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}  # by tag
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                self._operations.setdefault(operation["tags"][0], []).append(
                    (method.upper(), path, operation)
                )

    def _label(self, name: str) -> str:
        return escape(TEXTS.page[name].of(self._language))

    def parts(self) -> Iterator[str]:
        """Yield the parts of the page in order."""
        info = self._document["info"]
        title = f"{escape(info['title'])}: {self._label('title')}"
        ((other, name),) = ((code, name) for code, name in _LANGUAGES.items() if code != self._language)
        yield (
            f'<!doctype html><html lang="{self._language}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{title}</title><style>{STYLE}</style></head><body>"
            f'<a class="skip" href="#main">{self._label("skip")}</a>'
            f"<header><h1>{title}</h1><p>{_text(info['description'])}</p>"
            f'<p>{self._label("machine")} <a href="/openapi.json">/openapi.json</a>. '
            f'<a href="?lang={other}" hreflang="{other}" lang="{other}">{name}</a></p></header><div class="page">'
        )
        yield from self._navigation()
        yield '<main id="main">'
        yield f"<p>{_text(TEXTS.page['variables'].of(self._language))}</p>"
        for tag in self._document["tags"]:
            yield f'<h2 id="tag-{tag["name"]}">{escape(tag["description"])}</h2>'
            for method, path, operation in self._operations[tag["name"]]:
                yield from self._operation(method, path, operation)
        yield f'<h2 id="schemas">{self._label("schemas")}</h2>'
        for name, schema in self._document["components"]["schemas"].items():
            yield from self._schema(name, schema)
        yield "</main></div></body></html>"

    def _navigation(self) -> Iterator[str]:
        yield f'<nav aria-label="{self._label("contents")}">'
        for tag in self._document["tags"]:
            yield f"<h2>{escape(tag['description'])}</h2><ul>"
            for _, path, operation in self._operations[tag["name"]]:
                alias = f" <span class='soft'>{escape(path)}</span>" if path in _ALIASES else ""
                summary = escape(operation["summary"])
                yield f'<li><a href="#{operation["operationId"]}">{summary}{alias}</a></li>'
            yield "</ul>"
        yield f'<h2><a href="#schemas">{self._label("schemas")}</a></h2></nav>'

    def _operation(self, method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
        name = operation["operationId"]
        yield (
            f'<section class="op" id="{name}" aria-labelledby="h-{name}"><h3 id="h-{name}">'
            f'<span class="call"><span class="{method}">{method}</span> {escape(path)}</span>'
            f"{escape(operation['summary'])}</h3><p>{_text(operation['description'])}</p>"
        )
        if alias := _ALIASES.get(path):
            yield f'<p>{self._label("same")} <a href="#{alias[1]}"><code>{escape(alias[0])}</code></a>.</p>'
        if security := operation.get("security"):
            tokens = self._any_of(self._label(scheme) for alternative in security for scheme in alternative)
            yield f"<p><b>{self._label('token')}</b> {tokens}.</p>"
        if path not in _ALIASES:
            if shown := [one for one in operation["parameters"] if one["name"] != "Accept-Language"]:
                heads = ("name", "where", "type", "meaning")
                yield self._table("parameters", heads, map(self._parameter, shown))
            if body := operation.get("requestBody"):
                schema = body["content"]["application/json"]["schema"]
                yield f"<p><b>{self._label('body')}</b> {self._type(schema)}</p>"
            rows = map(self._response, operation["responses"].items())
            yield self._table("responses", ("status", "meaning", "content"), rows)
        for sender, schema in operation.get("x-websocket", {}).items():
            yield f"<p><b>{self._label(sender)}</b> {self._type(schema)}</p>"
        yield from self._example(operation["responses"])
        for sample in operation["x-codeSamples"]:
            language = "curl" if sample["lang"] == "Shell" else sample["lang"]
            yield f"<details><summary>{language}</summary>{_code(sample['source'])}</details>"
        yield "</section>"

    def _name(self, name: str, is_required: bool) -> str:
        required = f" <span class=soft>{self._label('required')}</span>" if is_required else ""
        return f"<code class=name>{escape(name)}</code>{required}"

    def _parameter(self, parameter: dict[str, Any]) -> tuple[str, ...]:
        return (
            self._name(parameter["name"], parameter["required"]),
            self._label(parameter["in"]),
            self._type(parameter["schema"]),
            _text(parameter.get("description") or TEXTS.parameters[parameter["name"]].of(self._language)),
        )

    def _response(self, item: tuple[str, dict[str, Any]]) -> tuple[str, ...]:
        status, response = item
        contents = []
        for media_type, content in response.get("content", {}).items():
            if media_type == "application/problem+json":
                slugs = content["examples"]
                contents.append(", ".join(f'<a href="/problems/{slug}">{slug}</a>' for slug in slugs))
            elif media_type == "application/json":
                contents.append(self._type(content["schema"]))
            else:
                contents.append(f"<code>{media_type}</code>")
        return f"<b>{status}</b>", _text(response["description"]), "<br>".join(contents)

    def _example(self, responses: dict[str, Any]) -> Iterator[str]:
        """Yield the example of the first, successful response."""
        content = next(iter(responses.values())).get("content", {}).get("application/json", {})
        if example := content.get("example"):
            text = json.dumps(example, ensure_ascii=False, indent=1)
            yield f"<details><summary>{self._label('example')}</summary>{_code(text)}</details>"

    def _schema(self, name: str, schema: dict[str, Any]) -> Iterator[str]:
        yield f'<section class="op" id="s-{name}"><h3>{escape(name)}</h3>'
        if description := schema.get("description"):
            yield f"<p lang=en>{_text(description)}</p>"
        if fields := schema.get("properties"):
            required = schema.get("required", ())
            rows = ((self._name(name, name in required), self._type(fields[name])) for name in fields)
            yield self._table(None, ("name", "type"), rows)
        yield "</section>"

    def _table(self, caption: str | None, heads: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
        head = "".join(f"<th scope=col>{self._label(name)}" for name in heads)
        body = "".join("<tr>" + "".join(f"<td>{cell}" for cell in row) for row in rows)
        title = f"<caption>{self._label(caption)}</caption>" if caption else ""
        return f"<table class=fields>{title}<thead><tr>{head}</thead><tbody>{body}</table>"

    def _any_of(self, alternatives: Iterable[str]) -> str:
        return f" {self._label('or')} ".join(alternatives)

    def _type(self, schema: dict[str, Any]) -> str:
        """Return the type of a value in a few words."""
        if target := schema.get("$ref"):
            name = target.rpartition("/")[2]
            return f'<a href="#s-{name}">{name}</a>'
        if choices := schema.get("anyOf") or schema.get("allOf"):
            return self._any_of(map(self._type, choices))
        if "enum" in schema:
            return " | ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
        if schema.get("type") == "array":
            return f"{self._label('list')} {self._type(schema['items'])}{_bounds(schema, 'minItems', 'maxItems')}"
        kind = schema.get("format") or schema.get("type", "any")
        pattern = f" <code>{escape(_readable(schema['pattern']))}</code>" if "pattern" in schema else ""
        bounds = _bounds(schema, "minimum", "maximum") or _bounds(schema, "minLength", "maxLength")
        return f"{escape(kind)}{bounds}{pattern}"


def _bounds(schema: dict[str, Any], minimum: str, maximum: str) -> str:
    if minimum not in schema and maximum not in schema:
        return ""
    return f" <span class=soft>{schema.get(minimum, '')}…{schema.get(maximum, '')}</span>"


def _text(text: str) -> str:
    """Return HTML of a text with `code` in backquotes."""
    return _CODE.sub(r"<code>\1</code>", escape(text, quote=False))


def _code(text: str) -> str:
    return f"<pre tabindex=0><code>{escape(text, quote=False)}</code></pre>"


def _readable(pattern: str) -> str:
    """Return a pattern without the lookaheads that keep line feeds and spaces from its end."""
    return pattern.replace(r"(?!\n)", "").replace(r"(?!\s)", "")
