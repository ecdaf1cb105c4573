"""The memory of an ingress process: one table of all that clients can make it hold, in bytes.

A test compares the sum with the memory limit of `compose/kubernetes/ingress.yaml`; another fills each cache with its
worst entries, and measures the process. README.md of this folder says what each row is.
"""

from schemas.settings import Settings

KIB, MIB = 1 << 10, 1 << 20

#: Caches, by name; each evicts what was used longest ago.
CACHES = {
    "menus": 64 * MIB,
    "restaurants": 16 * MIB,
    "pages": 48 * MIB,
    "request_heads": 4 * MIB,
    "queries": 2 * MIB,
    "search_texts": 8 * MIB,
    "web_pages": 2 * MIB,
}

#: What waits for clients, or from them, by name; past one of these, the clients that hold the most are disconnected.
CLIENTS = {
    "unanswered_requests": 24 * MIB,
    "unread_responses": 32 * MIB,
    "send_queues": 48 * MIB,
}

#: Bytes of memory for a byte of a request: as received, as text, and parsed.
REQUEST_FACTOR = 3
#: A process at rest: the interpreter, libraries, clients of Kafka and Redis, and a keyring that has forgotten nothing.
AT_REST = 96 * MIB
#: What the keyring needs for each forgotten order or customer, and how many the limit of the manifest has room for.
FORGOTTEN, MAX_FORGOTTEN = 680, 100_000
#: One connection, and in addition to it one open stream.
CONNECTION, STREAM = 14 * KIB, 16 * KIB
#: One bucket of a rate limit; one request that waits for its command; and one command in flight, whether or not a request
#: waits. Orders that are paid online and all others each have a pool, of twice the setting.
BUCKET, COMMAND, IN_FLIGHT = 420, 24 * KIB, 2 * KIB
IN_FLIGHT_POOLS = 4
#: Boards that are followed, caches of fixed size, issued tokens, and what is needed while a page is rendered.
OTHERS = 40 * MIB
#: Memory of the process for a byte in use: freed memory cannot always be returned to the system.
FRAGMENTATION = 1.25


def total(settings: Settings, max_buckets: int) -> int:
    """Return what a process with these settings, and so many buckets of rate limits, may need when all is full, in bytes."""
    clients = CLIENTS | {"unanswered_requests": CLIENTS["unanswered_requests"] * REQUEST_FACTOR}
    counted = (
        settings.max_connections * CONNECTION
        + settings.max_streams * STREAM
        + settings.max_feeds * STREAM
        + settings.max_in_flight_commands * (COMMAND + IN_FLIGHT_POOLS * IN_FLIGHT)
        + max_buckets * BUCKET
        + MAX_FORGOTTEN * FORGOTTEN
    )
    return int((AT_REST + sum(CACHES.values()) + sum(clients.values()) + counted + OTHERS) * FRAGMENTATION)
