"""promo settings: every setting, its default, its meaning."""

from rich.console import Console
from rich.table import Table

from schemas import settings


def run(console: Console) -> int:
    """Print a table on a terminal, else one line per setting with tabs between the columns."""
    described = settings.describe()
    if not console.is_terminal:
        print("\n".join("\t".join(row) for row in described))
        return 0
    table = Table("name", "default", "meaning", box=None, pad_edge=False)
    for name, default, meaning in described:
        table.add_row(name, default or "(empty)", meaning)
    console.print(table)
    return 0
