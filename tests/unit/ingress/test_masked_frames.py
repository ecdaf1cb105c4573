"""Frames that a client has not masked end a feed with code 1002."""

import asyncio
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.server.masked_frames import INVALID_FRAME, MaskedFrames
from tests.support.ingress.bad.inputs import OWNER, RESTAURANT
from tests.support.ingress.raw_http import send_raw
from tests.support.ingress.worst_cases import WorstCase
from tests.unit.ingress.conftest import Client


def frame(first: int, payload: bytes, is_masked: bool = True) -> bytes:
    mask = 0x80 if is_masked else 0
    if len(payload) < 126:
        head = bytes([first, mask | len(payload)])
    elif len(payload) < 65_536:
        head = bytes([first, mask | 126]) + struct.pack(">H", len(payload))
    else:
        head = bytes([first, mask | 127]) + struct.pack(">Q", len(payload))
    return head + (bytes(4) if is_masked else b"") + payload


PAYLOADS = st.sampled_from([0, 1, 2, 125, 126, 127, 65_535, 65_536, 70_000]).map(lambda size: b"\x01" * size)
FRAMES = st.builds(frame, st.sampled_from([0x81, 0x82, 0x01, 0x00, 0x88, 0x89, 0x8A]), PAYLOADS)


SIZES = st.lists(st.integers(1, 12) | st.integers(1, 100_000), max_size=40)


def passed(data: bytes, sizes: list[int]) -> bytes:
    """Return what is passed on of the data, in pieces of these sizes, until the connection would be closed."""
    frames, read = MaskedFrames(), b""
    while data and not read.endswith(INVALID_FRAME):
        size = sizes.pop() if sizes else len(data)
        read += frames.reject_unmasked(data[:size])
        data = data[size:]
    return read


@given(st.lists(FRAMES, max_size=6), SIZES)
def test_masked_frames_pass_unchanged_in_any_pieces(masked: list[bytes], sizes: list[int]) -> None:
    """The reader gets every byte."""
    assert passed(b"".join(masked), sizes) == b"".join(masked)


@given(st.lists(FRAMES, max_size=3), PAYLOADS, SIZES)
def test_an_unmasked_frame_is_never_read(masked: list[bytes], payload: bytes, sizes: list[int]) -> None:
    """What was sent before it is, and then a frame that ends the connection."""
    before = b"".join(masked)
    assert passed(before + frame(0x81, payload, is_masked=False), sizes) == before + INVALID_FRAME


@pytest.mark.parametrize("is_masked", [True, False])
async def test_unmasked_message_closes_a_feed_with_1002(client: Client, is_masked: bool) -> None:
    """RFC 6455, section 5.1; the feed would otherwise close with 1008, because it is read-only."""
    token = OWNER["Authorization"].removeprefix("Bearer ")
    fields = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol": f"promo.feed.v1, bearer.{token}",
    }
    opening = WorstCase("", "GET", f"{RESTAURANT}/feed", tuple(fields.items())).to_bytes()
    async with asyncio.timeout(10):
        answer = await send_raw(client.port, opening + frame(0x81, b"{}", is_masked), until_closed=True)
    code = answer.rpartition(b"\x88")[2][1:3]
    assert int.from_bytes(code) == (1008 if is_masked else 1002)
