"""One clear line where the wrong Python runs a part: one without the dependencies.

Standard library only: this runs before the imports that would fail.
"""

import importlib.util
import sys

#: Packages that every part imports.
PACKAGES = ("aiokafka", "msgspec", "uvloop")


def require(*more: str) -> None:
    """Exit with status 2 and one line on standard error unless PACKAGES and `more` are installed."""
    missing = [name for name in (*PACKAGES, *more) if importlib.util.find_spec(name) is None]
    if missing:
        print(
            f"promo: {sys.executable} lacks {', '.join(missing)}:"
            " use .venv/bin/python, .venv/bin/promo or make (make help)",
            file=sys.stderr,
        )
        sys.exit(2)
