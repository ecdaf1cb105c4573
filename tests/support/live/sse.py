"""A client of server-sent events."""

import asyncio
import json
from typing import Any

from aiohttp import ClientResponse
from msgspec import Struct


class Event(Struct):
    """One event: its id, and its data as JSON."""

    id: str
    name: str
    data: dict[str, Any]


class Reader:
    """Reads events out of a response."""

    def __init__(self, response: ClientResponse) -> None:
        self._response = response

    async def next(self, seconds: float = 5.0) -> Event | None:
        """Return the next event; None at the end of the stream."""
        async with asyncio.timeout(seconds):
            fields: dict[str, str] = {}
            while line := (await self._response.content.readline()).decode():
                line = line.rstrip("\n")
                if line:
                    name, _, value = line.partition(":")
                    fields[name] = value.removeprefix(" ")
                elif "data" in fields:
                    return Event(fields["id"], fields["event"], json.loads(fields["data"]))
        return None

    async def rest(self) -> list[Event]:
        """Return all events up to the end of the stream."""
        events = []
        while (event := await self.next()) is not None:
            events.append(event)
        return events
