"""`python -m compose.validation`: manifests, compose file and alerts, checked without a cluster or an engine.

A part of `make check`; the libraries are those of the development environment.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import kubernetes_validate
import yaml
from compose_spec.compose_spec import PyCompose

from compose.kubernetes import generate
from schemas import settings

HERE = Path(__file__).parent
KUBERNETES = HERE / "kubernetes"
COMPOSE_FILE = HERE / "docker-compose.yml"
PROMETHEUS = HERE / "prometheus"
#: The Kubernetes whose schemas are taken: the oldest that the manifests are meant for.
KUBERNETES_VERSION = "1.31"
#: Files of the folder that hold no objects.
NO_OBJECTS = ("kustomization.yaml",)

#: `${NAME}`, `${NAME:-default}`, `${NAME:?why}` of a compose file, and `$$`, which is a dollar.
_VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?::([-?])([^}]*))?\})")
_SETTING = re.compile(r"\bPROMO_[A-Z_]+\b")
#: Variables of the compose file that are its own, not the product's.
ITS_OWN = frozenset({"PROMO_IMAGE", "PROMO_BASE"})


def objects() -> list[tuple[str, dict[str, Any]]]:
    """Return every object of the manifests, and the name of its file."""
    files = [path for path in sorted(KUBERNETES.glob("*.yaml")) if path.name not in NO_OBJECTS]
    return [
        (path.name, one) for path in files for one in yaml.safe_load_all(path.read_text()) if one is not None
    ]


def kubernetes_faults(kind_of: dict[str, Any]) -> Iterator[str]:
    """Say what is wrong with one object: by Kubernetes' own schemas, or by ours for kinds that are not its own."""
    schemas = json.loads((KUBERNETES / "crds.json").read_text())
    if (schema := schemas.get(kind_of["kind"])) is not None:
        for error in jsonschema_rs.iter_errors(schema, kind_of["spec"]):
            yield f"{'/'.join(map(str, error.instance_path))}: {error.message}"
        return
    try:
        kubernetes_validate.validate(kind_of, KUBERNETES_VERSION, strict=True)
    except kubernetes_validate.ValidationError as error:
        yield f"{'/'.join(map(str, error.path))}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError:
        yield f"{kind_of['apiVersion']} {kind_of['kind']}: neither Kubernetes {KUBERNETES_VERSION} nor crds.json knows it"


def compose_faults(text: str) -> Iterator[str]:
    """Say what is wrong with a compose file, by the Compose Specification."""
    try:
        PyCompose.from_dict(interpolated(text)).validate()
    except ValueError as error:
        yield str(error)


def interpolated(text: str) -> dict[str, Any]:
    """Return a compose file as Compose takes it, where nothing is set that need not be."""

    def value(found: re.Match[str]) -> str:
        dollar, name, sign, default = found.groups()
        return "$" if dollar else default if sign == "-" else f"a-{name}"

    read = yaml.safe_load(_VARIABLE.sub(value, text))
    return {name: part for name, part in read.items() if not name.startswith("x-")}


def setting_faults() -> Iterator[str]:
    """Say which settings are named that there are not."""
    known = {name for name, _, _ in settings.describe()} | ITS_OWN
    for path in (HERE.parent / "Dockerfile", COMPOSE_FILE, *sorted(KUBERNETES.glob("*.yaml"))):
        if path.exists():  # a Dockerfile is not in the image that it makes
            for name in sorted(set(_SETTING.findall(path.read_text())) - known):
                yield f"{path.name}: there is no setting {name}"


def faults() -> Iterator[str]:
    """Say all that is wrong."""
    for name, make in generate.MADE.items():
        if (KUBERNETES / name).read_text() != make():
            yield f"kubernetes/{name} is not current: python -m compose.kubernetes.generate"
    for name, one in objects():
        for fault in kubernetes_faults(one):
            yield f"kubernetes/{name}, {one['kind']} {one['metadata']['name']}: {fault}"
    for fault in compose_faults(COMPOSE_FILE.read_text()):
        yield f"{COMPOSE_FILE.name}: {fault}"
    yield from setting_faults()
    yield from _told_by("promtool", ["check", "config", str(PROMETHEUS / "prometheus.yml")])
    yield from _told_by("docker-compose", ["-f", str(COMPOSE_FILE), "config", "--quiet"])
    yield from _told_by("kubectl", ["kustomize", str(KUBERNETES)])


def _told_by(program: str, arguments: list[str]) -> Iterator[str]:
    """Say what a program that may be here says."""
    found = shutil.which(program)
    if found is None:
        print(f"{program} is not here: not asked", file=sys.stderr)
        return
    given = {"PROMO_ADMIN_TOKEN": "x", "PROMO_TOKEN_SECRET": "x", "PROMO_PRIVACY_SECRET": "x", **os.environ}
    done = subprocess.run(
        [found, *arguments], check=False, env=given, capture_output=True, text=True, timeout=60
    )
    if done.returncode != 0:
        yield f"{program} {' '.join(arguments)}:\n{done.stdout}{done.stderr}"


def main() -> int:
    """Print all faults; 1 where there are any."""
    found = list(faults())
    print("\n".join(found) or "manifests: all is well")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
