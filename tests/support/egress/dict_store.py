"""The store of views in memory: it passes the same contract tests as the one in Redis."""

from collections.abc import Iterable, Mapping, Sequence

from egress.kafka.records import OffsetRange, Partition
from egress.projections.ports import ViewsLost, ViewStoreUnavailable
from egress.projections.projection import ViewWrite
from egress.projections.watermarks import PendingWatermark
from schemas import view_keys

Hashes = dict[str, dict[str, bytes]]


def pack(version: int, value: bytes) -> bytes:
    """Return the value of a view's field, as egress/projections/lua/apply_batch.lua writes it."""
    return b"%d|%b" % (version, value)


class DictStore:
    """Keeps views in a dict. The next `failures` calls fail, after they have acted if `late`."""

    def __init__(self) -> None:
        self.hashes: Hashes = {}
        self.failures = 0
        self.late = False

    def empty(self) -> None:
        """Delete everything, as FLUSHALL does."""
        self.hashes.clear()

    async def positions(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        self._fail(done=False)
        stored = self.hashes.get(view_keys.POSITIONS, {})
        found = {p: int(stored[p.field]) for p in partitions if p.field in stored}
        self._fail(done=True)
        return found

    async def begin(self, beginnings: Mapping[Partition, int]) -> None:
        self._fail(done=False)
        for partition, offset in beginnings.items():
            self._hash(view_keys.POSITIONS).setdefault(partition.field, b"%d" % offset)
        self._fail(done=True)

    async def discard(self) -> None:
        self._fail(done=False)
        self.empty()
        self._fail(done=True)

    async def apply(self, writes: Iterable[ViewWrite], ranges: Sequence[OffsetRange]) -> None:
        self._fail(done=False)
        positions = self.hashes.get(view_keys.POSITIONS, {})
        if any(int(positions.get(one.partition.field, -1)) < one.start for one in ranges):
            raise ViewsLost
        deletions = self.hashes.get(view_keys.DELETIONS, {})
        before = {restaurant: int(version) for restaurant, version in deletions.items()}
        for write in sorted(writes, key=lambda write: write.version):
            self._apply(write, before)
        for one in ranges:
            if int(positions[one.partition.field]) < one.end:
                positions[one.partition.field] = b"%d" % one.end
        self._fail(done=True)

    def _apply(self, write: ViewWrite, deletions: Mapping[str, int]) -> None:
        """Apply one write; `deletions` are the versions of the latest deletions before its batch."""
        view = self._hash(write.key)
        stored = view.get(write.field)
        known = deletions.get(write.owner, -1) if stored is None else view_keys.unpack(stored)[0]
        if write.value is None:
            versions = self._hash(view_keys.DELETIONS)
            versions[write.owner] = b"%d" % max(write.version, int(versions.get(write.owner, b"0")))
        if write.version > known and write.value is not None:
            view[write.field] = pack(write.version, write.value)
        elif write.version > known:
            view.pop(write.field, None)
        if not view:
            del self.hashes[write.key]

    async def publish_watermark(self, partition: int, watermark: PendingWatermark) -> None:
        self._fail(done=False)
        positions = self.hashes.get(view_keys.POSITIONS, {})
        if any(int(positions.get(at.field, -1)) < end for at, end in watermark.ends.items()):
            raise ViewsLost
        watermarks = self._hash(view_keys.WATERMARKS)
        watermarks[str(partition)] = b"%d" % max(watermark.as_of, int(watermarks.get(str(partition), 0)))
        self._fail(done=True)

    def _hash(self, key: str) -> dict[str, bytes]:
        return self.hashes.setdefault(key, {})

    def _fail(self, done: bool) -> None:
        if self.failures and self.late is done:
            self.failures -= 1
            raise ViewStoreUnavailable("a planned failure")
