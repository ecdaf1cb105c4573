"""Code samples of each operation, for curl and Python, generated from its example; tests run them unchanged.

They read what differs between readers from the environment: `PROMO_URL`, the tokens, `ORDER_ID`.
"""

import json
from collections.abc import Iterator
from urllib.parse import urlencode

from ingress.openapi.operation import Operation
from ingress.openapi.route import Route, Token

#: The values of path parameters.
PATH_PARAMETERS = {
    "restaurant_id": "r1",
    "sku": "coxinha",
    "promotion_id": "almoco",
    "order_id": "$ORDER_ID",
    "verification_id": "$VERIFICATION_ID",
    "slug": "out-of-stock",
}
#: The environment variable of each token.
TOKEN_VARIABLES: dict[Token, str] = {
    "admin": "PROMO_ADMIN_TOKEN",
    "restaurant": "RESTAURANT_TOKEN",
    "order": "ORDER_TOKEN",
    "customer": "CUSTOMER_TOKEN",
}


def curl(route: Route, operation: Operation) -> str | None:
    """Return the command; None for a WebSocket, which curl cannot open."""
    if operation.websocket is not None:
        return None
    method = "" if route.method == "GET" else f" -X {route.method}"
    stream = " -N" if operation.is_event_stream else ""
    lines = [f'curl -sS --fail-with-body{stream}{method} "$PROMO_URL{_target(route, operation)}"']
    lines += [f'-H "{name}: {value}"' for name, value in _headers(route, operation, key="$(date +%s%N)")]
    if operation.example:
        lines.append(f"-d '{json.dumps(operation.example, ensure_ascii=False, indent=2)}'")
    return " \\\n  ".join(lines)


def python(route: Route, operation: Operation) -> str:
    """Return a program, which needs `requests` or, for a WebSocket, `aiohttp`."""
    if operation.websocket is not None:
        return _FEED
    arguments = [_expression("$PROMO_URL" + _target(route, operation))]
    headers = list(_headers(route, operation, key="$KEY"))
    if headers:
        pairs = "".join(f'        "{name}": {_expression(value)},\n' for name, value in headers)
        arguments.append(f"headers={{\n{pairs}    }}")
    if operation.example:
        arguments.append(f"json={_literal(operation.example)}")
    has_key = any("$KEY" in value for _, value in headers)
    imports = ["import os", *(["import uuid"] if has_key else []), "", "import requests", ""]
    if operation.is_event_stream:
        arguments.append("stream=True")
    call = "".join(f"    {argument},\n" for argument in arguments)
    lines = [*imports, f"response = requests.{route.method.lower()}(\n{call})"]
    if operation.is_event_stream:
        lines += ["for line in response.iter_lines(decode_unicode=True):", "    print(line)"]
    else:
        lines += ["print(response.status_code, response.text)"]
    return "\n".join(lines)


def _target(route: Route, operation: Operation) -> str:
    path = route.path.format_map(PATH_PARAMETERS)
    return f"{path}?{urlencode(operation.query_example)}" if operation.query_example else path


def _headers(route: Route, operation: Operation, key: str) -> Iterator[tuple[str, str]]:
    if route.tokens:
        yield "Authorization", f"Bearer ${TOKEN_VARIABLES[route.tokens[0]]}"
    if "Idempotency-Key" in operation.headers:
        yield "Idempotency-Key", key
    if operation.example:
        yield "Content-Type", "application/json"


def _expression(text: str) -> str:
    """Return a Python expression for a text with environment variables in it."""
    if text == "$KEY":
        return "str(uuid.uuid4())"
    source = text
    for name in ("PROMO_URL", "ORDER_ID", "VERIFICATION_ID", *TOKEN_VARIABLES.values()):
        source = source.replace(f"${name}", f"{{os.environ['{name}']}}")
    return f'{"" if source == text else "f"}"{source}"'


def _literal(value: object) -> str:
    """Return a Python literal for a JSON value, laid out like the JSON."""
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
