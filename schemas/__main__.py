"""`python -m schemas`: write the JSON Schemas and the AsyncAPI document down anew.

`python -m schemas release` also keeps the schema of each message as others have it from now on: a change
that breaks it fails a test, until the message's version grows.
"""

import sys

from schemas import asyncapi, publish
from schemas.codec import EVENT_TYPES


def main() -> None:
    """Write one file a message class, and one of all topics."""
    publish.FOLDER.mkdir(exist_ok=True)
    for cls in EVENT_TYPES:
        publish.path(cls).write_text(publish.text(cls))
        if sys.argv[1:] == ["release"]:
            publish.RELEASED.mkdir(exist_ok=True)
            publish.released_path(cls).write_text(publish.text(cls))
    asyncapi.FILE.write_text(asyncapi.text())


if __name__ == "__main__":
    main()
