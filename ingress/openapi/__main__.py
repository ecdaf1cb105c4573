"""`python -m ingress.openapi`: write the OpenAPI document down anew."""

from ingress.openapi import document


def main() -> None:
    """Write it, in English."""
    document.FILE.write_text(document.text("en"))


if __name__ == "__main__":
    main()
