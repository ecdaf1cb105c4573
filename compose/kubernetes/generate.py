"""`python -m compose.kubernetes.generate` writes topics.yaml and alerts.yaml, from schemas/topics.py and rules.yml.

The files are JSON, which is YAML and needs no library.
"""

import json
from pathlib import Path
from typing import Any

from schemas.settings import Settings
from schemas.topics import REPLICAS, TOPICS

FOLDER = Path(__file__).parent
RULES = FOLDER.parent / "prometheus" / "rules.yml"


def render_topics() -> str:
    """Return topics.yaml: Strimzi's KafkaTopics, with the partitions of the default settings."""
    settings = Settings()
    topics = [
        {
            "apiVersion": "kafka.strimzi.io/v1",
            "kind": "KafkaTopic",
            "metadata": {"name": topic.name, "labels": {"strimzi.io/cluster": "promo"}},
            "spec": {
                "partitions": getattr(settings, topic.partitions),
                "replicas": REPLICAS,
                "config": topic.configs(REPLICAS),
            },
        }
        for topic in TOPICS
    ]
    return "".join(f"---\n{_render(topic)}" for topic in topics)


def render_alerts() -> str:
    """Return alerts.yaml: a PrometheusRule with the content of rules.yml."""
    import yaml  # of the development environment

    spec = yaml.safe_load(RULES.read_text())
    metadata = {"name": "promo", "labels": {"role": "alert-rules"}}
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": metadata,
        "spec": spec,
    }
    return _render(rule)


def _render(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


GENERATED_FILES = {"topics.yaml": render_topics, "alerts.yaml": render_alerts}

if __name__ == "__main__":
    for name, make in GENERATED_FILES.items():
        (FOLDER / name).write_text(make())
