"""The memory of an egress process: one table of all that it may hold, in bytes.

A test compares the sum with the memory limit of `compose/kubernetes/egress.yaml`.
"""

from egress.kafka.consumers import MAX_PARTITION_BYTES
from egress.notifications import bulkheads, delivery_worker, recipients
from schemas.consumer_groups import CONSUMER_GROUPS
from schemas.settings import Settings
from schemas.topics import DEAD_LETTER_TOPICS

KIB, MIB = 1 << 10, 1 << 20
#: A process at rest: the interpreter, libraries, clients of Kafka and Redis.
AT_REST = 96 * MIB
#: Webhooks and pushes: each has pending deliveries of its own.
CHANNELS = 2
#: A pending delivery besides its record: its task, and its bulkhead.
DELIVERY = 6 * KIB
#: Memory for a byte of a record of a delivery: as read, and decoded.
RECORD_FACTOR = 2
#: Batches in work, profiles of restaurants, circuits, and offsets of dead letters.
OTHERS = 48 * MIB
#: Memory of the process for a byte in use: freed memory cannot always be returned to the system.
FRAGMENTATION = 1.15


def total(settings: Settings) -> int:
    """Return what a process may need that has all partitions of all groups, in bytes."""
    topics = sum(len(group.topics) for group in CONSUMER_GROUPS) + len(DEAD_LETTER_TOPICS)
    fetched = topics * settings.partitions * MAX_PARTITION_BYTES
    deliveries = bulkheads.MAX_PENDING * DELIVERY + delivery_worker.MAX_PENDING_BYTES * RECORD_FACTOR
    deliveries *= CHANNELS
    return int((AT_REST + fetched + deliveries + recipients.MAX_BYTES + OTHERS) * FRAGMENTATION)
