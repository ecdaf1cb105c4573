"""`python -m tables`: write the JSON Schema of each table's records.

`python -m tables release` also stores them as the released ones, and the versions that this release knows. A change that
breaks a released schema, or a version that is written before a release knows it, fails a test from then on.
"""

import json
import sys

from tables import json_schemas
from tables.registry import TABLES


def main() -> None:
    """Write one file for each table."""
    json_schemas.FOLDER.mkdir(exist_ok=True)
    for spec in TABLES:
        json_schemas.path(spec).write_text(json_schemas.render(spec))
    if sys.argv[1:] == ["release"]:
        json_schemas.RELEASED.mkdir(exist_ok=True)
        for spec in TABLES:
            json_schemas.released_path(spec).write_text(json_schemas.render(spec))
        known = {spec.name: spec.known_version for spec in TABLES}
        json_schemas.KNOWN_VERSIONS.write_text(json.dumps(known, indent=2) + "\n")


if __name__ == "__main__":
    main()
