"""The description as one page of HTML: made here of the OpenAPI document, with no script and nothing from outside."""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

from ingress.openapi import wording
from ingress.openapi.document import document
from ingress.texts import Language

STYLE = (Path(__file__).parent / "docs.css").read_text()
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
#: What the browser is held to: this style, and nothing else.
SECURITY = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_LANGUAGES: dict[Language, str] = {"pt-BR": "Português", "en": "English"}
_CODE = re.compile(r"`([^`]+)`")


@lru_cache(maxsize=2)
def html(language: Language) -> str:
    """Return the page."""
    return "".join(_Page(document(language), language).parts())


class _Page:
    def __init__(self, described: dict[str, Any], language: Language) -> None:
        self._described = described
        self._language = language
        self._schemas = described["components"]["schemas"]
        self._operations = [
            (method.upper(), path, operation)
            for path, methods in described["paths"].items()
            for method, operation in methods.items()
        ]

    def _say(self, name: str) -> str:
        return escape(wording.WORDS[name].of(self._language))

    def parts(self) -> Iterator[str]:
        """Yield the page, piece by piece."""
        info = self._described["info"]
        yield (
            f'<!doctype html><html lang="{self._language}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(info['title'])}: {self._say('title')}</title><style>{STYLE}</style></head><body>"
            f'<a class="skip" href="#main">{self._say("skip")}</a>'
            f"<header><h1>{escape(info['title'])}: {self._say('title')}</h1><p>{_text(info['description'])}</p>"
            f'<p>{self._say("machine")} <a href="/openapi.json">/openapi.json</a>. {self._switch()}</p></header>'
            '<div class="page">'
        )
        yield from self._navigation()
        yield '<main id="main">'
        yield f"<p>{_text(wording.WORDS['variables'].of(self._language))}</p>"
        for tag in self._described["tags"]:
            yield f'<h2 id="tag-{tag["name"]}">{escape(tag["description"])}</h2>'
            for method, path, operation in self._tagged(tag["name"]):
                yield from self._operation(method, path, operation)
        yield f'<h2 id="schemas">{self._say("schemas")}</h2>'
        for name, schema in self._schemas.items():
            yield from self._schema(name, schema)
        yield "</main></div></body></html>"

    def _tagged(self, tag: str) -> list[tuple[str, str, dict[str, Any]]]:
        return [
            (method, path, operation)
            for method, path, operation in self._operations
            if tag in operation["tags"]
        ]

    def _switch(self) -> str:
        (other, name) = next((code, name) for code, name in _LANGUAGES.items() if code != self._language)
        return f'<a href="?lang={other}" hreflang="{other}" lang="{other}">{name}</a>'

    def _navigation(self) -> Iterator[str]:
        yield f'<nav aria-label="{self._say("contents")}">'
        for tag in self._described["tags"]:
            yield f"<h2>{escape(tag['description'])}</h2><ul>"
            for _, path, operation in self._tagged(tag["name"]):
                same = path in wording.ALIASES
                label = f" <span class='soft'>{escape(path)}</span>" if same else ""
                yield f'<li><a href="#{operation["operationId"]}">{escape(operation["summary"])}{label}</a></li>'
            yield "</ul>"
        yield f'<h2><a href="#schemas">{self._say("schemas")}</a></h2></nav>'

    def _operation(self, method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
        name = operation["operationId"]
        yield (
            f'<section class="op" id="{name}" aria-labelledby="h-{name}"><h3 id="h-{name}">'
            f'<span class="call"><span class="{method}">{method}</span> {escape(path)}</span>'
            f"{escape(operation['summary'])}</h3><p>{_text(operation['description'])}</p>"
        )
        if alias := wording.ALIASES.get(path):
            yield f'<p>{self._say("same")} <a href="#{alias[1]}"><code>{escape(alias[0])}</code></a>.</p>'
        if security := operation.get("security"):
            tokens = self._any_of(self._say(scheme) for alternative in security for scheme in alternative)
            yield f"<p><b>{self._say('token')}</b> {tokens}.</p>"
        if path not in wording.ALIASES:
            yield from self._parameters(operation["parameters"])
            if body := operation.get("requestBody"):
                schema = body["content"]["application/json"]["schema"]
                yield f"<p><b>{self._say('body')}</b> {self._type(schema)}</p>"
            yield from self._answers(operation["responses"])
        for who, schema in operation.get("x-websocket", {}).items():
            yield f"<p><b>{self._say(who)}</b> {self._type(schema)}</p>"
        yield from self._example(operation["responses"])
        for sample in operation["x-codeSamples"]:
            language = "curl" if sample["lang"] == "Shell" else sample["lang"]
            yield f"<details><summary>{language}</summary>{_code(sample['source'])}</details>"
        yield "</section>"

    def _parameters(self, parameters: list[dict[str, Any]]) -> Iterator[str]:
        told = [one for one in parameters if one["name"] != "Accept-Language"]
        if told:
            yield self._table("parameters", ("name", "where", "type", "meaning"), map(self._parameter, told))

    def _parameter(self, parameter: dict[str, Any]) -> tuple[str, ...]:
        needed = f" <span class=soft>{self._say('required')}</span>" if parameter["required"] else ""
        return (
            f"<code class=name>{escape(parameter['name'])}</code>{needed}",
            self._say(parameter["in"]),
            self._type(parameter["schema"]),
            _text(parameter.get("description", "")) or self._meaning(parameter["name"]),
        )

    def _meaning(self, name: str) -> str:
        known = wording.PARAMETERS.get(name)
        return _text(known.of(self._language)) if known else ""

    def _answers(self, responses: dict[str, Any]) -> Iterator[str]:
        yield self._table("answers", ("status", "meaning", "content"), map(self._answer, responses.items()))

    def _answer(self, item: tuple[str, dict[str, Any]]) -> tuple[str, ...]:
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
        """Yield what is answered when all is well."""
        content = next(iter(responses.values())).get("content", {}).get("application/json", {})
        if example := content.get("example"):
            text = json.dumps(example, ensure_ascii=False, indent=1)
            yield f"<details><summary>{self._say('example')}</summary>{_code(text)}</details>"

    def _schema(self, name: str, schema: dict[str, Any]) -> Iterator[str]:
        yield f'<section class="op" id="s-{name}"><h3>{escape(name)}</h3>'
        if means := schema.get("description"):
            yield f"<p lang=en>{_text(means)}</p>"
        required = schema.get("required", [])
        rows = (
            (
                f"<code class=name>{escape(field)}</code>"
                + (f" <span class=soft>{self._say('required')}</span>" if field in required else ""),
                self._type(of),
            )
            for field, of in schema.get("properties", {}).items()
        )
        if schema.get("properties"):
            yield self._table(None, ("name", "type"), rows)
        yield "</section>"

    def _table(self, caption: str | None, heads: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
        head = "".join(f"<th scope=col>{self._say(name)}" for name in heads)
        body = "".join("<tr>" + "".join(f"<td>{cell}" for cell in row) for row in rows)
        said = f"<caption>{self._say(caption)}</caption>" if caption else ""
        return f"<table class=fields>{said}<thead><tr>{head}</thead><tbody>{body}</table>"

    def _any_of(self, said: Iterable[str]) -> str:
        return f" {self._say('or')} ".join(said)

    def _type(self, schema: dict[str, Any]) -> str:
        """Return what a value may be, in a few words."""
        if target := schema.get("$ref"):
            name = target.rpartition("/")[2]
            return f'<a href="#s-{name}">{name}</a>'
        if choices := schema.get("anyOf") or schema.get("allOf"):
            return self._any_of(map(self._type, choices))
        if "enum" in schema:
            return " | ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
        if schema.get("type") == "array":
            return (
                f"{self._say('list')} {self._type(schema['items'])}{_bounds(schema, 'minItems', 'maxItems')}"
            )
        kind = schema.get("format") or schema.get("type", "any")
        pattern = f" <code>{escape(_readable(schema['pattern']))}</code>" if "pattern" in schema else ""
        bounds = _bounds(schema, "minimum", "maximum") or _bounds(schema, "minLength", "maxLength")
        return f"{escape(kind)}{bounds}{pattern}"


def _bounds(schema: dict[str, Any], least: str, most: str) -> str:
    if least not in schema and most not in schema:
        return ""
    return f" <span class=soft>{schema.get(least, '')}…{schema.get(most, '')}</span>"


def _text(text: str) -> str:
    """Return HTML for a text with `code` in it."""
    return _CODE.sub(r"<code>\1</code>", escape(text, quote=False))


def _code(text: str) -> str:
    return f"<pre tabindex=0><code>{escape(text, quote=False)}</code></pre>"


def _readable(pattern: str) -> str:
    """Return a pattern without what only keeps line feeds and spaces out of its end."""
    return pattern.replace(r"(?!\n)", "").replace(r"(?!\s)", "")
