"""A TCP proxy on loopback that can be cut and slowed: what a bad network does, without one."""

import asyncio
from contextlib import suppress

from compose.ports import LOOPBACK

CHUNK = 64 * 1024


class Proxy:
    """Forwards a port to another; `delay` holds every answer back, `cut` holds everything back."""

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self.delay = 0.0
        self.target = target
        self._whole = asyncio.Event()
        self._whole.set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Listen no more, and close what is open."""
        self._server.close()
        self._drop()

    def cut(self) -> None:
        """Let nothing through in either direction; nobody is told."""
        self._whole.clear()

    def mend(self) -> None:
        """Let through what was held back, without delay from now on; connections that were cut are reset."""
        self.delay = 0.0
        if not self._whole.is_set():
            self._drop()
            self._whole.set()

    def _drop(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        await self._whole.wait()
        try:
            server, to_server = await asyncio.open_connection(LOOPBACK, self.target)
        except OSError:
            to_client.close()
            return
        ends = {to_client, to_server}
        self._writers |= ends
        try:
            await asyncio.gather(self._pump(client, to_server, False), self._pump(server, to_client, True))
        finally:
            self._writers -= ends

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, answers: bool) -> None:
        """Forward until the source ends; what comes while an answer is held back is held back side by side."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(256)

        async def forward() -> None:
            while True:
                due, chunk = await waiting.get()
                await asyncio.sleep(due - loop.time())
                await self._whole.wait()
                sink.write(chunk)
                await sink.drain()
                if not chunk:
                    return

        forwarding = asyncio.create_task(forward())
        with suppress(OSError):
            while chunk := await source.read(CHUNK):
                await waiting.put((loop.time() + (self.delay if answers else 0.0), chunk))
        await waiting.put((loop.time(), b""))
        with suppress(OSError):
            await forwarding
        sink.close()
