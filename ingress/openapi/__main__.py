"""`python -m ingress.openapi`: write openapi.json, in English."""

from ingress.openapi import document
from ingress.routes import ROUTES


def main() -> None:
    """Write the document."""
    document.FILE.write_text(document.to_text(document.build(ROUTES, "en")))


if __name__ == "__main__":
    main()
