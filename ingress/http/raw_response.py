"""A whole HTTP/1.1 response as bytes, for what is sent without aiohttp."""

from collections.abc import Mapping


def encode_response(status: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """Return status line, headers and body; `status` is the code with its phrase."""
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + body
