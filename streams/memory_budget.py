"""The memory of a worker of streams: one table of all that it may hold, in bytes.

A test compares the sum with the memory limit of `compose/kubernetes/streams.yaml`.
"""

from schemas.settings import Settings
from streams.exactly_once.processor import MAX_QUEUE_BYTES
from streams.exactly_once.rocksdb_store import BLOCK_CACHE_BYTES, WRITE_BUFFER_BYTES, WRITE_BUFFERS

MIB = 1 << 20
#: A worker at rest: the interpreter, libraries, Faust.
AT_REST = 144 * MIB
#: What Faust has fetched of one partition, and RocksDB's index and filter blocks and iterators, per partition.
FETCHED, INDEX = 1 * MIB, 4 * MIB
#: Memory for a byte of a queued command: as read, decoded, and staged with its facts.
COMMAND_FACTOR = 2


def total(settings: Settings) -> int:
    """Return what a worker may need that has every partition, as owner or as standby, in bytes."""
    store = BLOCK_CACHE_BYTES + WRITE_BUFFERS * WRITE_BUFFER_BYTES + INDEX
    return AT_REST + settings.partitions * (store + FETCHED + MAX_QUEUE_BYTES * COMMAND_FACTOR)
