"""The check of manifests, compose file and alerts, without a cluster or a container engine; part of `make check`."""

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
from compose.secret_readers import READERS
from schemas import settings

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "compose" / "kubernetes"
COMPOSE_FILE = ROOT / "compose" / "docker-compose.yml"
PROMETHEUS = ROOT / "compose" / "prometheus"
#: The oldest Kubernetes that the manifests support.
KUBERNETES_VERSION = "1.31"
#: Files of the folder that have no objects.
FILES_WITHOUT_OBJECTS = ("kustomization.yaml",)

#: `${NAME}`, `${NAME:-default}`, `${NAME:?message}` of a compose file, and `$$`, which is a dollar.
_VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?::([-?])([^}]*))?\})")
_SETTING = re.compile(r"\bPROMO_[A-Z_]+\b")
#: Variables of the compose file that are no settings of the product.
COMPOSE_ONLY_VARIABLES = frozenset({"PROMO_IMAGE", "PROMO_BASE"})


def load_objects() -> list[tuple[str, dict[str, Any]]]:
    """Return every object of the manifests with the name of its file."""
    files = [path for path in sorted(KUBERNETES.glob("*.yaml")) if path.name not in FILES_WITHOUT_OBJECTS]
    return [
        (path.name, item)
        for path in files
        for item in yaml.safe_load_all(path.read_text())
        if item is not None
    ]


def kubernetes_faults(manifest: dict[str, Any]) -> Iterator[str]:
    """Yield the faults of one object, by the schemas of Kubernetes or, for other kinds, those of crds.json."""
    schemas = json.loads((KUBERNETES / "crds.json").read_text())
    if (schema := schemas.get(manifest["kind"])) is not None:
        for error in jsonschema_rs.iter_errors(schema, manifest["spec"]):
            yield f"{'/'.join(map(str, error.instance_path))}: {error.message}"
        return
    try:
        kubernetes_validate.validate(manifest, KUBERNETES_VERSION, strict=True)
    except kubernetes_validate.ValidationError as error:
        yield f"{'/'.join(map(str, error.path))}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError:
        yield f"{manifest['apiVersion']} {manifest['kind']}: unknown to Kubernetes {KUBERNETES_VERSION} and to crds.json"


def compose_faults(text: str) -> Iterator[str]:
    """Yield the faults of a compose file, by the Compose Specification."""
    try:
        PyCompose.from_dict(interpolated(text)).validate()
    except ValueError as error:
        yield str(error)


def interpolated(text: str) -> dict[str, Any]:
    """Return a compose file as Compose reads it, with only the required variables set."""

    def value(match: re.Match[str]) -> str:
        dollar, name, sign, default = match.groups()
        return "$" if dollar else default if sign == "-" else f"a-{name}"

    document = yaml.safe_load(_VARIABLE.sub(value, text))
    return {name: part for name, part in document.items() if not name.startswith("x-")}


def setting_faults() -> Iterator[str]:
    """Yield the settings that a Dockerfile, compose file or manifest names and that do not exist."""
    known = {name for name, _, _ in settings.describe()} | COMPOSE_ONLY_VARIABLES
    for path in (ROOT / "Dockerfile", COMPOSE_FILE, *sorted(KUBERNETES.glob("*.yaml"))):
        for name in sorted(set(_SETTING.findall(path.read_text())) - known):
            yield f"{path.name}: there is no setting {name}"


def secret_faults() -> Iterator[str]:
    """Yield the containers of our processes that lack a secret which they read, or have one that they do not."""
    for file, role, variables in _containers():
        held = {name for name in variables if name in READERS}
        wanted = {name for name, roles in READERS.items() if role in roles}
        for name in sorted(held ^ wanted):
            yield f"{file}: {role} {'has' if name in held else 'lacks'} {name}"


def _containers() -> Iterator[tuple[str, str, set[str]]]:
    """Yield file, role and variables of each container, also of those that are not ours."""
    for name, service in interpolated(COMPOSE_FILE.read_text())["services"].items():
        yield COMPOSE_FILE.name, re.sub(r"-[0-9]+$", "", name), set(service.get("environment", {}))
    for file, manifest in load_objects():
        if "template" in manifest.get("spec", {}):
            for container in manifest["spec"]["template"]["spec"]["containers"]:
                yield file, container["name"], {entry["name"] for entry in container.get("env", [])}


def faults() -> Iterator[str]:
    """Yield all faults."""
    for name, make in generate.GENERATED_FILES.items():
        if (KUBERNETES / name).read_text() != make():
            yield f"kubernetes/{name} is outdated: run python -m compose.kubernetes.generate"
    for name, manifest in load_objects():
        for fault in kubernetes_faults(manifest):
            yield f"kubernetes/{name}, {manifest['kind']} {manifest['metadata']['name']}: {fault}"
    for fault in compose_faults(COMPOSE_FILE.read_text()):
        yield f"{COMPOSE_FILE.name}: {fault}"
    yield from setting_faults()
    yield from secret_faults()
    yield from _run_tool("promtool", ["check", "config", str(PROMETHEUS / "prometheus.yml")])
    yield from _run_tool("docker-compose", ["-f", str(COMPOSE_FILE), "config", "--quiet"])
    yield from _run_tool("kubectl", ["kustomize", str(KUBERNETES)])


def _run_tool(program: str, arguments: list[str]) -> Iterator[str]:
    """Yield the output of a failed check by a program; skip it if the program is not installed."""
    executable = shutil.which(program)
    if executable is None:
        print(f"{program} is not installed: skipped", file=sys.stderr)
        return
    environment = {
        "PROMO_ADMIN_TOKEN": "x",
        "PROMO_TOKEN_SECRET": "x",
        "PROMO_WEBHOOK_SECRET": "x",
        "PROMO_PRIVACY_SECRET": "x",
        **os.environ,
    }
    done = subprocess.run(
        [executable, *arguments], check=False, env=environment, capture_output=True, text=True, timeout=60
    )
    if done.returncode != 0:
        yield f"{program} {' '.join(arguments)}:\n{done.stdout}{done.stderr}"


def main() -> int:
    """Print all faults and return 1, or return 0 if there are none."""
    lines = list(faults())
    print("\n".join(lines) or "manifests: no faults")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
