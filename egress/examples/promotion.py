"""How did the promotion go? Asked of the files of an export, or of the topics."""

import argparse
import asyncio
import tempfile
from pathlib import Path

import duckdb

from egress.export.columns import schema
from egress.export.exporter import CLASSES
from egress.export.exporting import export
from schemas.settings import Settings

SQL = (Path(__file__).parent / "promotion.sql").read_text()


def tables(folder: Path) -> duckdb.DuckDBPyConnection:
    """Return a connection with a table for each topic: `order.confirmed` is `order_confirmed`."""
    connection = duckdb.connect()
    for topic, cls in CLASSES.items():
        name = topic.replace(".", "_").replace("-", "_")
        files = folder / f"topic={topic}"
        if files.exists():
            connection.read_parquet(f"{files}/day=*/*.parquet", union_by_name=True).create_view(name)
        else:  # nothing of the kind has happened yet
            connection.from_arrow(schema(cls).empty_table()).create(name)
    return connection


def ask(folder: Path, restaurant: str, promotion: str) -> duckdb.DuckDBPyRelation:
    """Return a row for each item of the promotion."""
    parameters = {"restaurant": restaurant, "promotion": promotion}
    return tables(folder).sql(SQL, params=parameters)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--parquet", type=Path, metavar="DIR", help="files of python -m egress export")
    source.add_argument("--kafka", metavar="HOST:PORT", help="the topics themselves")
    parser.add_argument("restaurant")
    parser.add_argument("promotion")
    arguments = parser.parse_args()
    if arguments.parquet is not None:
        print(ask(arguments.parquet, arguments.restaurant, arguments.promotion))
        return
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(kafka_bootstrap_servers=arguments.kafka)
        asyncio.run(export(settings, Path(folder), until_end=True, every=60))
        print(ask(Path(folder), arguments.restaurant, arguments.promotion))


if __name__ == "__main__":
    main()
