"""The metrics as Prometheus reads them: of all processes where they share a folder, else of this one."""

import os

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = CONTENT_TYPE_LATEST

#: The variable by which processes share (schemas/metrics.py).
FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def render() -> bytes:
    """Return the text; blocks while it reads the files of all processes."""
    if FOLDER not in os.environ:
        return generate_latest(REGISTRY)
    shared = CollectorRegistry()
    MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
    return generate_latest(shared)
