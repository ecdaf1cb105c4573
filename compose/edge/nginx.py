"""Where nginx is, its configuration and its command."""

import os
import shutil
from pathlib import Path
from string import Template

from compose.errors import NoEdge
from schemas.settings import Settings

#: Debian's folder of nginx, which is not on every PATH.
SBIN = "/usr/sbin"


class _ConfigTemplate(Template):
    """A template in which `$NAME` is ours and `$name` is nginx's."""

    idpattern = "(?-i:[A-Z]+)"


def find_executable() -> str:
    """Return the path of nginx. Raises NoEdge."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:{SBIN}")
    if found is None:
        raise NoEdge
    return found


def prepare(folder: Path, settings: Settings) -> None:
    """Make the folder, with an empty cache, and write the configuration."""
    shutil.rmtree(folder / "cache", ignore_errors=True)
    for name in ("cache", "temp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    template = _ConfigTemplate((Path(__file__).parent / "nginx.conf").read_text())
    text = template.safe_substitute(
        LISTEN=_address(settings.http_host, settings.edge_port),
        INGRESS=_address(_reachable(settings.http_host), settings.http_port),
        EXEMPT=" ".join(
            f"{one.strip()} 1;" for one in settings.rate_limit_exempt_networks.split(",") if one.strip()
        ),
    )
    (folder / "nginx.conf").write_text(text)


def command(folder: Path) -> list[str]:
    """Return the command that runs it in the foreground."""
    return [find_executable(), "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"]


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
