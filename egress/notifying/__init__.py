"""From facts to deliveries, and deliveries carried out: what webhooks and pushes have in common."""
