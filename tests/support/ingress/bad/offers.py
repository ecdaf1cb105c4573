"""Invalid restaurants, items and promotions, and webhooks to addresses that are not public."""

from tests.support.ingress.bad.inputs import (
    ADMIN,
    GONE,
    GOOD_ITEM,
    GOOD_PROMOTION,
    ITEM,
    NOT_LINES,
    NOT_TEXT,
    NOT_WHOLE,
    OWNER,
    PROMOTION,
    RESTAURANT,
    bodies,
    every,
)

GOOD_RESTAURANT = {"name": "Bar", "kitchen_capacity": 10, "preparation_timeout_seconds": 600}
WEBHOOKS = (
    "",
    "hook",
    "//example.org/hook",
    "/hook",
    "ftp://example.org/hook",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "dict://127.0.0.1:6379/info",
    "javascript:alert(1)",
    "data:text/plain,x",
    "ws://example.org/",
    "redis://127.0.0.1:6379/0",
    "HTTP://example.org/",
    "http:/example.org",
    "http:example.org",
    "http://",
    "http:///hook",
    "http://?x",
    "http://#x",
    " http://example.org/",
    "http://example.org/ ",
    "http://exam ple.org/",
    "http://example.org/\nHost: 127.0.0.1",
    "http://example.org/\r\nX-Evil: 1",
    "http://example.org/\t",
    "http://example.org/\u0000",
    "http://exämple.org/",
    "http://example。org/",
    "http://①②⑦.⓪.⓪.①/",
    "http://example.org/" + "a" * 2_000,
)
FIELDS = [
    *every("name", GONE, "", "x" * 201, *NOT_TEXT, *NOT_LINES),
    *every("kitchen_capacity", 0, 10_001, *NOT_WHOLE),
    *every("preparation_timeout_seconds", 0, 31_536_001, None, "600", 1.5),
    *every("webhook", 1, [], {}, True, *WEBHOOKS),
    *every("token", "mine"),
    *every("restaurant_id", "r2"),
]
ITEM_FIELDS = [
    *every("name", GONE, "", None, 1, *NOT_LINES),
    *every("price", GONE, None, 990, "9,90", {}, {"amount": "990"}, {"amount": 990, "currency": "EUR"}),
    *every("price/amount", 100_000_001, *NOT_WHOLE),
    *every("portions", "5", -1, 1.5, True, 10_000_001, []),
    *every("category", "", None, "x" * 201, 1, *NOT_LINES),
    *every("description", None, "x" * 2_001, 1, "a\u202eb", "a\u0000", "\u3164"),
    *every("sku", "pastel"),
]
PROMOTION_FIELDS = [
    *every("starts_at", GONE, None, "", "today", 1_767_225_600, "2026-01-01", "2026-01-01T12:00:00"),
    *every(
        "starts_at",
        "2026-01-01T12:00:00+0300",
        "2026-01-01 12:00:00Z",
        "2026-01-01T12:00Z",
        "0000-01-01T00:00:00Z",
    ),
    *every("starts_at", "2026-01-01T12:14:59.9999Z", "2026-01-01T12:00:60Z", "2026-01-01T24:00:00Z"),
    *every("starts_at", "2026-13-01T12:00:00Z", "2026-02-30T12:00:00Z", "2026-01-01T25:00:00Z"),
    *every("starts_at", "2026-01-01T12:15:00Z", "2026-01-01T12:15:01Z", "1969-12-31T23:59:59Z"),
    *every("starts_at", "0001-01-01T00:00:00+23:00"),
    *every("ends_at", GONE, "2026-01-01T12:00:00Z", "9999-12-31T23:59:59-23:00", "9999-01-01T00:00:00Z"),
    *every("items", GONE, [], None, {}, [None], GOOD_PROMOTION["items"] * 2),  # type: ignore[operator]
    *every("items/0/sku", GONE, "", "a b", None, ".", ".."),
    *every("items/0/promo_price", GONE, None, 490, {"amount": -1}, {"amount": 100_000_001}),
    *every("items/0/portions", "3", -1, 1.5, 10_000_001),
    *every("items/0/per_customer_limit", 0, -1, "1", 10_001),
    *every("items/0/when_sold_out", "free", "", None, True),
    *every("items/0/cash_portions", "3", -1, 1.5, 10_000_001),
    *every("items/0/discount", 50),
    *every("customer_assurance", "", None, "code", "Phone", 1, True),
    *every("phase", "open"),
]

TABLE = [
    *bodies("PUT", RESTAURANT, ADMIN, GOOD_RESTAURANT, FIELDS),
    *bodies("PUT", ITEM, OWNER, GOOD_ITEM, ITEM_FIELDS),
    *bodies("PUT", PROMOTION, OWNER, GOOD_PROMOTION, PROMOTION_FIELDS),
]
