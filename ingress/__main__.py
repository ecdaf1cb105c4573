"""`python -m ingress`: one HTTP process; settings from the environment."""

import logging
import sys

import uvloop

from ingress.serving import serve
from schemas import settings


def main() -> int:
    """Serve until told to stop."""
    try:
        read = settings.read()
    except settings.SettingError as error:
        print(error, file=sys.stderr)
        return 2
    if not read.token_secret:
        print(
            "PROMO_TOKEN_SECRET is empty: anybody could make tokens. Set it to a random value.",
            file=sys.stderr,
        )
        return 2
    logging.basicConfig(level=read.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("aiokafka").setLevel(max(logging.WARNING, logging.getLevelName(read.log_level)))
    uvloop.run(serve(read))
    return 0


if __name__ == "__main__":
    sys.exit(main())
