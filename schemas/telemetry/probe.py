"""`python -m schemas.telemetry.probe`: exit 0 if the process in this container is ready, else 1.

For images without curl. Code 2 is reserved by Docker's HEALTHCHECK, so faulty settings are 1 as well.
"""

import sys
import urllib.request

from schemas import settings

TIMEOUT_SECONDS = 6.0


def main() -> int:
    """Request its /health/ready."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        direct.open(f"http://127.0.0.1:{settings.read().ops_port}/health/ready", timeout=TIMEOUT_SECONDS)
    except (OSError, settings.SettingError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
