"""Web Push: customers who left the page are told of their order (RFC 8030, 8188, 8291, 8292)."""
