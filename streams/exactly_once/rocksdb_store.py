"""The local store on RocksDB: every table of one partition in one database, so one WriteBatch is atomic."""

import logging
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from rocksdict import BlockBasedOptions, Cache, Options, Rdict, WriteBatch

from streams.exactly_once.ports import StateChanges, StoreError

log = logging.getLogger(__name__)

_OFFSET_KEY = b"\0changelog-offset"
_IDENTITY_KEY = b"\0log-identity"
_WRITTEN_KEY = b"\0written-at"

#: A store that was not written for longer is not trusted: the changelog keeps deletions for a day, and an older
#: store could miss one.
MAX_AGE_SECONDS = 20 * 3600
#: Memory for blocks and for writes, per partition.
BLOCK_CACHE_BYTES = 8 << 20
WRITE_BUFFER_BYTES = 8 << 20
#: Write buffers: one that is filled, one that is written to a file.
WRITE_BUFFERS = 2
#: How long to wait for the lock of a database that a dying process still has open.
LOCK_TIMEOUT_SECONDS = 2.0


class RocksDBStore:
    """The state of one partition in one folder; a folder that does not pass the checks is rebuilt (rule 6)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._db: Rdict | None = None
        self._offset = 0
        self._identity = b""

    def open(self, log_identity: str) -> bool:
        """Open the folder; start empty if it is missing, damaged, too old or of another log."""
        self._identity = log_identity.encode()
        existed = self._folder.exists()
        try:
            self._db = self._open_with_retries()
            raw_offset = self._db.get(_OFFSET_KEY)
            identity = self._db.get(_IDENTITY_KEY)
            written_at = float(self._db.get(_WRITTEN_KEY) or 0)
            offset = int(raw_offset) if raw_offset else 0
        except Exception as error:  # rocksdict raises a bare Exception whatever is wrong with the folder
            log.warning("store unreadable, rebuilding %s: %s", self._folder, error)
            self.wipe()
            return False
        if not existed or raw_offset is None:
            self.wipe()
            return False
        if identity != self._identity or time.time() - written_at > MAX_AGE_SECONDS:
            log.warning("store of another log or too old, rebuilding %s", self._folder)
            self.wipe()
            return False
        self._offset = offset
        return True

    def close(self) -> None:
        """Close the database; another process can then open the folder."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def wipe(self) -> None:
        """Delete the folder and start empty."""
        self.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._db = self._open()
        self._offset = 0

    @property
    def changelog_offset(self) -> int:
        """The offset from which to continue reading the changelog."""
        return self._offset

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key."""
        try:
            return self._database().get(key)  # type: ignore[no-any-return]
        except Exception as error:
            raise self._store_error(error) from error

    def scan(self, begin: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the entries whose keys lie in [begin, end), in the order of keys."""
        entries = None
        try:
            entries = self._database().iter()
            entries.seek(begin)
            while entries.valid() and (key := entries.key()) < end:
                yield key, entries.value()
                entries.next()
            entries.status()  # an iterator that has failed is not valid, like one that has ended
        except Exception as error:
            entries = None  # the error's traceback would keep it, and with it the database open
            raise self._store_error(error) from error

    def apply(self, changes: StateChanges, changelog_offset: int) -> None:
        """Write changes and offset in one WriteBatch."""
        batch = WriteBatch(raw_mode=True)
        for key, value in changes.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        batch.put(_OFFSET_KEY, b"%d" % changelog_offset)
        batch.put(_IDENTITY_KEY, self._identity)
        batch.put(_WRITTEN_KEY, b"%d" % int(time.time()))
        try:
            self._database().write(batch)
        except Exception as error:
            raise self._store_error(error) from error
        self._offset = changelog_offset

    def _store_error(self, error: Exception) -> StoreError:
        """Name an error of the database: rocksdict raises a bare Exception for a bad block and for a full disk."""
        return StoreError(f"{self._folder}: {error}")

    def _database(self) -> Rdict:
        if self._db is None:
            raise RuntimeError(f"{self._folder} is not open")
        return self._db

    def _open_with_retries(self) -> Rdict:
        deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
        while True:
            try:
                return self._open()
            except Exception as error:
                if "lock" not in str(error).lower() or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _open(self) -> Rdict:
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_write_buffer_size(WRITE_BUFFER_BYTES)
        options.set_max_write_buffer_number(WRITE_BUFFERS)
        options.set_keep_log_file_num(2)
        blocks = BlockBasedOptions()
        blocks.set_block_cache(Cache(BLOCK_CACHE_BYTES))
        blocks.set_bloom_filter(10, False)
        options.set_block_based_table_factory(blocks)
        return Rdict(str(self._folder), options=options)
