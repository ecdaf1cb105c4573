"""Read side: the views in Redis, which of them have changed, and cached pages."""
