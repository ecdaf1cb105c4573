"""Requests by their bytes, as no HTTP client would send them."""

import asyncio

from tests.support.ingress.apps import HOST

#: How long a response may take before its connection is closed: some have no end, for example streams.
RESPONSE_SECONDS = 0.5


async def send_raw(port: int, raw: bytes, until_closed: bool = False) -> bytes:
    """Return the first response, or what of it arrives in time; `until_closed`: all that arrives until the server closes."""
    reader, writer = await asyncio.open_connection(HOST, port)
    answer = b""
    try:
        async with asyncio.timeout(RESPONSE_SECONDS * (10 if until_closed else 1)):
            writer.write(raw)
            while until_closed or not _is_complete(answer):
                more = await reader.read(65_536)
                if not more:
                    break
                answer += more
    except (TimeoutError, ConnectionError):
        if until_closed:
            raise
    finally:
        writer.transport.abort()
    return answer


def _is_complete(answer: bytes) -> bool:
    head, blank, body = answer.partition(b"\r\n\r\n")
    _, _, length = head.lower().partition(b"content-length: ")
    return bool(blank) and len(body) >= int(length.split(b"\r\n")[0] or 0)
