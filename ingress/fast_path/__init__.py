"""Responses sent before aiohttp parses the request."""
