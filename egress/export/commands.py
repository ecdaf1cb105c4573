"""`python -m egress export`: its arguments, and what a person is told."""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

from aiokafka.errors import KafkaError

from schemas.settings import Settings


def add(commands: Any) -> None:
    """Add the command to those of egress."""
    parser = commands.add_parser("export", help="write the facts to files, each once; goes on where it ended")
    parser.add_argument("--to", choices=["parquet"], default="parquet", help="the format of the files")
    parser.add_argument("--into", type=Path, required=True, metavar="DIR", help="the folder; made if missing")
    parser.add_argument("--until-end", action="store_true", help="end when all that is there now is written")
    parser.add_argument(
        "--every", type=float, default=60.0, metavar="SECONDS", help="write what has come this often (60)"
    )


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Export; returns 0, or 1 with the reason on standard error."""
    try:
        from egress.export.exporting import export
        from egress.export.folder import ExportError
    except ModuleNotFoundError as error:
        if error.name != "pyarrow":
            raise
        print("pyarrow is not installed: pip install 'promo-relampago[data]'", file=sys.stderr)
        return 1
    try:
        written = asyncio.run(export(settings, arguments.into, arguments.until_end, arguments.every))
    except (ExportError, KafkaError, OSError) as error:
        print(f"export: {error}", file=sys.stderr)
        return 1
    print(f"{written} facts written to {arguments.into}")
    return 0
