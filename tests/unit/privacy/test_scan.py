"""The scan finds words that are there; a scan that cannot find anything would prove nothing."""

import base64
import json
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet
from rocksdict import Options, Rdict

from tests.support.privacy import scan

WORD = "Rua São João, 10"
OTHER = "Rua Nova"


@pytest.mark.parametrize("before", ["", "x", "xy", "xyz"])
def test_scan_finds_every_encoding(before: str) -> None:
    """As text, in JSON, in JSON inside JSON, in base64 at any offset, as hexadecimal, in URLs, in UTF-16."""
    text = f"{before}{WORD}."
    written = [
        text.encode(),
        json.dumps(text).encode(),
        json.dumps(json.dumps(text)).encode(),
        base64.b64encode(text.encode()),
        text.encode().hex().encode(),
        text.encode("utf-16"),
        repr(text.encode()).encode(),
    ]
    for raw in written:
        assert scan.in_bytes("here", raw, [WORD, OTHER]) == {("here", WORD)}, raw


def test_scan_finds_files_and_databases(tmp_path: Path) -> None:
    """Also deep in folders, and where compression hides the raw bytes."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "segment.log").write_bytes(b"\0\1" + WORD.encode() + b"\2")
    options = Options(raw_mode=True)
    db = Rdict(str(tmp_path / "a" / "db"), options)
    db[b"key"] = b"x" * 1000 + WORD.encode()
    db.flush()
    db.close()
    assert ("a/b/segment.log", WORD) in scan.in_files(tmp_path, [WORD])
    (tmp_path / "scratch").mkdir()
    assert scan.in_rocksdb(tmp_path / "a", [WORD, OTHER], tmp_path / "scratch") == {("db", WORD)}


def test_scan_finds_compressed_columns(tmp_path: Path) -> None:
    """Also nested values, which the file's raw bytes do not show."""
    rows = [{"order": {"notes": [f"x{number}" * 50, WORD]}} for number in range(100)]
    path = tmp_path / "topic=t" / "day=2026-01-01" / "0-0-100.parquet"
    path.parent.mkdir(parents=True)
    parquet.write_table(pyarrow.Table.from_pylist(rows), path, compression="zstd", write_statistics=False)
    assert not scan.in_files(tmp_path, [WORD])
    assert scan.in_parquet(tmp_path, [WORD, OTHER]) == {(str(path.relative_to(tmp_path)), WORD)}
