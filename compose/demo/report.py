"""The table at the end."""

from rich.console import Console
from rich.table import Table

from compose.demo import promotion
from compose.demo.verdict import Verdict


def show(console: Console, verdict: Verdict) -> None:
    """Print what came of the race."""
    title = f"Promo Relâmpago: {verdict.customers} customers, {promotion.PORTIONS} portions"
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("portions sold", str(verdict.sold))
    table.add_row("customers refused (sold out)", str(verdict.refused))
    table.add_row("answers replayed for the same key", str(verdict.replayed))
    table.add_section()
    for name in ("oversold", "lost", "doubled"):
        table.add_row(name, _judged(getattr(verdict, name)))
    table.add_row("replays that differed", _judged(verdict.differing))
    for name, number in {
        "portions refused though they were there": verdict.unsold,
        "customers without a decision": verdict.undecided,
        "customers answered with an error": verdict.unexpected,
    }.items():
        if number:
            table.add_row(name, _judged(number))
    table.add_section()
    table.add_row("confirmed within, p50", f"{verdict.p50_ms:.0f} ms")
    table.add_row("confirmed within, p95", f"{verdict.p95_ms:.0f} ms")
    console.print(table)


#: The pages, and where else to look: name, and path.
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


def _judged(number: int) -> str:
    return f"[green]{number}[/]" if number == 0 else f"[bold red]{number}[/]"
