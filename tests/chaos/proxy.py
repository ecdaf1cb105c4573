"""A TCP proxy on loopback that can be cut or delayed, to simulate a bad network."""

import asyncio
from contextlib import suppress

from compose.ports import LOOPBACK

CHUNK = 64 * 1024


class Proxy:
    """Forwards one port to another; `delay` (seconds) delays the responses, `cut` holds back both directions."""

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self.delay = 0.0
        self.target = target
        self._connected = asyncio.Event()
        self._connected.set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen on the port; port 0 takes a free one."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Stop listening, and close all connections."""
        self._server.close()
        self._drop()

    def cut(self) -> None:
        """Hold back all data in both directions; neither side is notified."""
        self._connected.clear()

    def mend(self) -> None:
        """Remove the delay; reset the connections that were cut."""
        self.delay = 0.0
        if not self._connected.is_set():
            self._drop()
            self._connected.set()

    def _drop(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        await self._connected.wait()
        try:
            server, to_server = await asyncio.open_connection(LOOPBACK, self.target)
        except OSError:
            to_client.close()
            return
        ends = {to_client, to_server}
        self._writers |= ends
        try:
            await asyncio.gather(
                self._pump(client, to_server, is_response=False),
                self._pump(server, to_client, is_response=True),
            )
        finally:
            self._writers -= ends

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, is_response: bool
    ) -> None:
        """Forward until the source ends; each chunk is delayed from its own arrival."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(256)

        async def forward() -> None:
            while True:
                due, chunk = await waiting.get()
                await asyncio.sleep(due - loop.time())
                await self._connected.wait()
                sink.write(chunk)
                await sink.drain()
                if not chunk:
                    return

        forwarding = asyncio.create_task(forward())
        with suppress(OSError):
            while chunk := await source.read(CHUNK):
                await waiting.put((loop.time() + (self.delay if is_response else 0.0), chunk))
        await waiting.put((loop.time(), b""))
        with suppress(OSError):
            await forwarding
        sink.close()
