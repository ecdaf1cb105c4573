"""Webhooks: signed order events for the systems of restaurants, as specified by Standard Webhooks."""
