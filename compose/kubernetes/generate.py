"""`python -m compose.kubernetes.generate`: the topics of the registry and the alerts, as Kubernetes takes them.

JSON is YAML, and needs no library to be written.
"""

import json
from pathlib import Path
from typing import Any

from schemas.settings import Settings
from schemas.topics import TOPICS

FOLDER = Path(__file__).parent
RULES = FOLDER.parent / "prometheus" / "rules.yml"

#: Copies of each partition, and how many must have a record before it is acknowledged.
REPLICAS, IN_SYNC = 3, 2


def topics() -> str:
    """Return the KafkaTopics of Strimzi, with the partitions of the default settings."""
    settings = Settings()
    made = [
        {
            "apiVersion": "kafka.strimzi.io/v1",
            "kind": "KafkaTopic",
            "metadata": {"name": topic.name, "labels": {"strimzi.io/cluster": "promo"}},
            "spec": {
                "partitions": getattr(settings, topic.partitions),
                "replicas": REPLICAS,
                "config": {**topic.configs(), "min.insync.replicas": str(IN_SYNC)},
            },
        }
        for topic in TOPICS
    ]
    return "".join(f"---\n{_text(one)}" for one in made)


def alerts() -> str:
    """Return the PrometheusRule that says what rules.yml says."""
    import yaml  # of the development environment: the product writes no YAML

    spec = yaml.safe_load(RULES.read_text())
    metadata = {"name": "promo", "labels": {"role": "alert-rules"}}
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": metadata,
        "spec": spec,
    }
    return _text(rule)


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


MADE = {"topics.yaml": topics, "alerts.yaml": alerts}

if __name__ == "__main__":
    for name, make in MADE.items():
        (FOLDER / name).write_text(make())
