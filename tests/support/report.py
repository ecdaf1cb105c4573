"""Markdown tables of the programs' reports."""

from collections.abc import Iterable, Sequence


def table_row(cells: Iterable[object]) -> str:
    """Return one line of a table."""
    return f"| {' | '.join(map(str, cells))} |"


def table_head(columns: Sequence[str]) -> str:
    """Return the two lines above the rows of a table."""
    return table_row(columns) + "\n|" + "---|" * len(columns)


def table(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a table with a line for each row, without a final line feed."""
    return "\n".join([table_head(columns), *map(table_row, rows)])
