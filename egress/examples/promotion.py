"""Print the result of a promotion, one row per item, from the files of an export or from the topics."""

import argparse
import asyncio
import logging
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb
from aiokafka.errors import KafkaError
from msgspec.structs import replace

from egress.command_error import CommandError
from egress.export.columns import schema
from egress.export.job import export
from egress.kafka.decoding import FACT_CLASSES
from schemas import settings

SQL = (Path(__file__).parent / "promotion.sql").read_text()

#: Names that an error message suggests.
MAX_SUGGESTIONS = 10
#: Wider than any table: DuckDB would otherwise hide columns and rows to fit the terminal.
UNLIMITED = 1_000_000


def tables(folder: Path) -> duckdb.DuckDBPyConnection:
    """Return a connection with one table per fact topic: `order.confirmed` is `order_confirmed`.

    Raises CommandError if the folder is not the folder of an export.
    """
    export_command = f"promo export --into {folder}"
    if not folder.is_dir():
        raise CommandError(f"no folder {folder}: {export_command} creates it")
    if not any(folder.glob("topic=*")):
        raise CommandError(f"no exported facts in {folder}: {export_command} writes them")
    connection = duckdb.connect()
    for topic, cls in FACT_CLASSES.items():
        name = topic.replace(".", "_").replace("-", "_")
        files = folder / f"topic={topic}"
        if files.exists():
            connection.read_parquet(f"{files}/day=*/*.parquet", union_by_name=True).create_view(name)
        else:  # the topic is still empty
            connection.from_arrow(schema(cls).empty_table()).create(name)
    return connection


def summarize(folder: Path, restaurant: str, promotion: str) -> duckdb.DuckDBPyRelation:
    """Return one row per item of the promotion; raises CommandError if there is none."""
    connection = tables(folder)
    restaurants = _values(connection, "SELECT restaurant_id FROM catalog_changed")
    if restaurant not in restaurants:
        raise CommandError(f"no restaurant {restaurant!r} in the facts{_suggestion(restaurants)}")
    promotions = _values(
        connection,
        "SELECT promotion.promotion_id FROM catalog_changed WHERE restaurant_id = $restaurant AND promotion IS NOT NULL",
        restaurant=restaurant,
    )
    if promotion not in promotions:
        raise CommandError(
            f"restaurant {restaurant!r} has no promotion {promotion!r}{_suggestion(promotions)}"
        )
    result = connection.sql(SQL, params={"restaurant": restaurant, "promotion": promotion})
    if not result.fetchall():
        raise CommandError(f"promotion {promotion!r} of restaurant {restaurant!r} has no items")
    return result


def _values(connection: duckdb.DuckDBPyConnection, query: str, **parameters: str) -> list[str]:
    return sorted({value for (value,) in connection.execute(query, parameters or None).fetchall()})


def _suggestion(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > MAX_SUGGESTIONS else ""
    return f"; known: {', '.join(names[:MAX_SUGGESTIONS])}{more}" if names else ""


def main(argv: Sequence[str] | None = None, prog: str = "python -m egress.examples.promotion") -> int:
    """Print the table; return 0, or with the reason on standard error 1, or 2 for a setting."""
    parser = argparse.ArgumentParser(prog=prog, description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--parquet", type=Path, metavar="DIR", help="read the files of promo export")
    source.add_argument("--kafka", metavar="HOST:PORT", help="read the topics of this broker")
    parser.add_argument("restaurant", help="restaurant id")
    parser.add_argument("promotion", help="promotion id")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.CRITICAL)  # an error is printed once, below
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.parquet or Path(temporary)
        try:
            if arguments.kafka is not None:
                read = replace(settings.read(), kafka_bootstrap_servers=arguments.kafka)
                asyncio.run(export(read, folder, until_end=True, flush_interval_seconds=60))
            result = summarize(folder, arguments.restaurant, arguments.promotion)
        except settings.SettingError as error:
            print(error, file=sys.stderr)
            return 2
        except (CommandError, KafkaError, OSError, duckdb.Error) as error:
            print(f"promotion: {error}", file=sys.stderr)
            return 1
        result.show(max_width=UNLIMITED, max_rows=UNLIMITED)
    return 0


if __name__ == "__main__":
    sys.exit(main())
