"""`python -m egress`: one projecting process; `python -m egress rebuild`: the views made anew.

Settings come from the environment.
"""

import logging
import sys

import uvloop

from egress.rebuilding import rebuild
from egress.serving import serve
from schemas import settings


def main() -> int:
    """Project until told to stop; or rebuild, and return how it went."""
    if sys.argv[1:] not in ([], ["rebuild"]):
        print("usage: python -m egress [rebuild]", file=sys.stderr)
        return 2
    try:
        read = settings.read()
    except settings.SettingError as error:
        print(error, file=sys.stderr)
        return 2
    logging.basicConfig(level=read.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("aiokafka").setLevel(max(logging.WARNING, logging.getLevelName(read.log_level)))
    if sys.argv[1:]:
        return uvloop.run(rebuild(read))
    uvloop.run(serve(read))
    return 0


if __name__ == "__main__":
    sys.exit(main())
