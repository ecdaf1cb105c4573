"""The listening sockets, connection limits and malformed-request responses around aiohttp."""
