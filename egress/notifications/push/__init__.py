"""Web Push (RFC 8030, 8188, 8291, 8292): order updates for customers who have left the page."""
