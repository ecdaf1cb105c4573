"""The table that the demo prints."""

from rich.console import Console
from rich.table import Table

from compose.demo import promotion
from compose.demo.audit import AuditResult


def show(console: Console, result: AuditResult) -> None:
    """Print the numbers of the race."""
    title = f"Promo Relâmpago: {result.customers} customers, {promotion.PORTIONS} portions"
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("portions sold", str(result.sold))
    table.add_row("customers refused (sold out)", str(result.refused))
    table.add_row("answers replayed for the same key", str(result.replayed))
    table.add_section()
    for name in ("oversold", "lost", "doubled"):
        table.add_row(name, _coloured(getattr(result, name)))
    table.add_row("replays that differed", _coloured(result.differing))
    for name, number in {
        "portions left though customers were refused": result.unsold,
        "customers without a decision": result.pending,
        "customers answered with an error": result.unexpected,
    }.items():
        if number:
            table.add_row(name, _coloured(number))
    table.add_section()
    table.add_row("confirmed within (p50)", f"{result.p50_ms:.0f} ms")
    table.add_row("confirmed within (p95)", f"{result.p95_ms:.0f} ms")
    console.print(table)


#: Name and path of each address that the demo prints.
PAGES = {
    "promotions": "/",
    "menu": f"/?r={promotion.RESTAURANT}",
    "board": f"/painel/{promotion.RESTAURANT}",
    "API": "/docs",
    "metrics": "/metrics",
}


def show_pages(console: Console, url: str, token: str) -> None:
    """Print the URLs of the pages, and the token that opens the board."""
    lines = {name: url + path for name, path in PAGES.items()} | {"token of the board": token}
    width = max(map(len, lines)) + 2
    for name, value in lines.items():
        console.print(f"{name:<{width}}{value}", soft_wrap=True, highlight=False, markup=False)


def _coloured(number: int) -> str:
    return f"[green]{number}[/]" if number == 0 else f"[bold red]{number}[/]"
