"""`python -m schemas`: write the JSON Schemas, the AsyncAPI document and the table of topics in README.md.

`python -m schemas release` also stores each message's schema as its released one, and the versions that this release
knows. A change that breaks a released schema fails a test until the message gets a new version, and a new version fails
one until a release knows it.
"""

import json
import sys

from schemas import codec
from schemas.codec import EVENT_TYPES
from schemas.publication import asyncapi, json_schemas, topic_table


def main() -> None:
    """Write one file for each message class, one for all topics, and the table."""
    json_schemas.FOLDER.mkdir(exist_ok=True)
    for cls in EVENT_TYPES:
        json_schemas.path(cls).write_text(json_schemas.render(cls))
        if sys.argv[1:] == ["release"]:
            json_schemas.RELEASED.mkdir(exist_ok=True)
            json_schemas.released_path(cls).write_text(json_schemas.render(cls))
    if sys.argv[1:] == ["release"]:
        known = {name: codec.known_version(cls) for cls, name in EVENT_TYPES.items()}
        json_schemas.KNOWN_VERSIONS.write_text(json.dumps(known, indent=2) + "\n")
    asyncapi.FILE.write_text(asyncapi.render())
    topic_table.FILE.write_text(topic_table.render(topic_table.FILE.read_text()))


if __name__ == "__main__":
    main()
