"""`python -m egress export`: the command line of the export."""

import argparse
from pathlib import Path

from aiokafka.errors import KafkaError

from egress.command_error import CommandError
from schemas.codec import NewerVersionError
from schemas.settings import Settings


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the `export` command to the command line of egress."""
    parser = commands.add_parser(
        "export", help="write every fact to a file, exactly once; resumes where the files end"
    )
    parser.add_argument("--to", choices=["parquet"], default="parquet", help="format of the files")
    parser.add_argument(
        "--into", type=Path, required=True, metavar="DIR", help="folder of the files, created if missing"
    )
    parser.add_argument("--until-end", action="store_true", help="stop at the current end of the topics")
    parser.add_argument(
        "--every", type=float, default=60.0, metavar="SECONDS", help="interval between two files (60)"
    )


async def execute(settings: Settings, arguments: argparse.Namespace) -> str:
    """Run the export and return the text to print; raises CommandError."""
    try:
        from egress.export.job import export
    except ModuleNotFoundError as error:
        if error.name != "pyarrow":
            raise
        raise CommandError("pyarrow is not installed: pip install 'promo-relampago[data]'") from None
    try:
        written = await export(settings, arguments.into, arguments.until_end, arguments.every)
    except (CommandError, KafkaError, NewerVersionError, OSError) as error:
        raise CommandError(f"export: {error}") from error
    return f"{written} facts written to {arguments.into}"
