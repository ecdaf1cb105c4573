"""Paths that several operations begin with."""

RESTAURANT = "/v1/restaurants/{restaurant_id}"
ORDER = "/v1/orders/{order_id}"
