"""`python -m schemas`: write the JSON Schemas down anew."""

from schemas import publish
from schemas.codec import EVENT_TYPES


def main() -> None:
    """Write one file a message class."""
    publish.FOLDER.mkdir(exist_ok=True)
    for cls in EVENT_TYPES:
        publish.path(cls).write_text(publish.text(cls))


if __name__ == "__main__":
    main()
