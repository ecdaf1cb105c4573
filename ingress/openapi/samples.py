"""How each operation is called, by curl and in Python: made from its example, and run by the tests as it stands.

They take from the environment what differs between readers: `PROMO_URL`, the tokens, `ORDER_ID`.
"""

import json
from collections.abc import Iterator
from urllib.parse import urlencode

from ingress.openapi.operation import Operation, Token

#: What stands in a path in place of its parts.
PARTS = {
    "restaurant_id": "r1",
    "sku": "coxinha",
    "promotion_id": "almoco",
    "order_id": "$ORDER_ID",
    "slug": "out-of-stock",
}
#: Where each token is.
VARIABLES: dict[Token, str] = {
    "admin": "PROMO_ADMIN_TOKEN",
    "restaurant": "RESTAURANT_TOKEN",
    "order": "ORDER_TOKEN",
}
_STREAM = "text/event-stream"


def curl(operation: Operation) -> str | None:
    """Return the command; None where curl cannot do it."""
    if operation.websocket is not None:
        return None
    method = "" if operation.method == "GET" else f" -X {operation.method}"
    stream = " -N" if _is_stream(operation) else ""
    lines = [f'curl -sS --fail-with-body{stream}{method} "$PROMO_URL{_target(operation)}"']
    lines += [f'-H "{name}: {value}"' for name, value in _headers(operation, key="$(date +%s%N)")]
    if operation.example:
        lines.append(f"-d '{json.dumps(operation.example, ensure_ascii=False, indent=2)}'")
    return " \\\n  ".join(lines)


def python(operation: Operation) -> str:
    """Return a program; it needs `requests`, or, for a WebSocket, `aiohttp`."""
    if operation.websocket is not None:
        return _FEED
    arguments = [_expression("$PROMO_URL" + _target(operation))]
    headers = list(_headers(operation, key="$KEY"))
    if headers:
        pairs = "".join(f'        "{name}": {_expression(value)},\n' for name, value in headers)
        arguments.append(f"headers={{\n{pairs}    }}")
    if operation.example:
        arguments.append(f"json={_literal(operation.example)}")
    keyed = any("$KEY" in value for _, value in headers)
    imports = ["import os", *(["import uuid"] if keyed else []), "", "import requests", ""]
    if _is_stream(operation):
        arguments.append("stream=True")
    call = "".join(f"    {argument},\n" for argument in arguments)
    lines = [*imports, f"response = requests.{operation.method.lower()}(\n{call})"]
    if _is_stream(operation):
        lines += ["for line in response.iter_lines(decode_unicode=True):", "    print(line)"]
    else:
        lines += ["print(response.status_code, response.text)"]
    return "\n".join(lines)


def _is_stream(operation: Operation) -> bool:
    return operation.answers[0].media_type == _STREAM


def _target(operation: Operation) -> str:
    path = operation.path.format_map(PARTS)
    return f"{path}?{urlencode(operation.query_example)}" if operation.query_example else path


def _headers(operation: Operation, key: str) -> Iterator[tuple[str, str]]:
    if operation.tokens:
        yield "Authorization", f"Bearer ${VARIABLES[operation.tokens[0]]}"
    if "Idempotency-Key" in operation.headers:
        yield "Idempotency-Key", key
    if operation.example:
        yield "Content-Type", "application/json"


def _expression(text: str) -> str:
    """Return Python for a text with variables of the environment in it."""
    if text == "$KEY":
        return "str(uuid.uuid4())"
    made, found = text, False
    for name in ("PROMO_URL", "ORDER_ID", *VARIABLES.values()):
        if f"${name}" in made:
            made, found = made.replace(f"${name}", f"{{os.environ['{name}']}}"), True
    return f'{"f" if found else ""}"{made}"'


def _literal(value: object) -> str:
    """Return Python for a JSON value, laid out like it."""
    text = json.dumps(value, ensure_ascii=False, indent=4)
    for word, name in (("null", "None"), ("true", "True"), ("false", "False")):
        text = text.replace(f": {word}", f": {name}")
    return text.replace("\n", "\n    ")


_FEED = """import asyncio
import os

import aiohttp


async def follow():
    url = f"{os.environ['PROMO_URL']}/v1/restaurants/r1/feed"
    protocols = ["promo.feed.v1", f"bearer.{os.environ['RESTAURANT_TOKEN']}"]
    async with aiohttp.ClientSession() as session, session.ws_connect(url, protocols=protocols) as feed:
        async for message in feed:
            print(message.data)


asyncio.run(follow())"""
