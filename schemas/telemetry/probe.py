"""`python -m schemas.telemetry.probe`: exit 0 when the process beside us is ready, else 1; for containers without curl."""

import sys
import urllib.request

from schemas import settings

TIMEOUT_SECONDS = 6.0


def main() -> int:
    """Ask its /health/ready."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        direct.open(f"http://127.0.0.1:{settings.read().ops_port}/health/ready", timeout=TIMEOUT_SECONDS)
    except (OSError, settings.SettingError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
