"""Webhooks: restaurants' own systems are told of their orders, signed after Standard Webhooks."""
