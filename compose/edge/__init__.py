"""The edge: nginx as gateway, and as a cache for a second."""
