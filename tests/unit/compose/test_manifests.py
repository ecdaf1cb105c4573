"""Manifests and compose file, checked without a cluster or a container engine."""

import copy
import re
import tomllib
from collections.abc import Callable
from configparser import ConfigParser
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from compose.secret_readers import READERS
from schemas import view_keys
from schemas.consumer_groups import DECISIONS, DELIVERIES, NOTIFICATIONS, PAYMENTS, PROJECTION
from schemas.settings import Settings
from schemas.topics import TOPICS
from streams.domain.decision import Policy
from tests.manifests import __main__ as validation

ROOT = Path(__file__).parents[3]
OURS = ("promo-ingress", "promo-streams", "promo-egress")

Object = dict[str, Any]


everything = cache(validation.load_objects)


def objects(*kinds: str) -> list[Object]:
    return [one for _, one in everything() if not kinds or one["kind"] in kinds]


def named(kind: str, name: str) -> Object:
    [found] = [one for one in objects(kind) if one["metadata"]["name"] == name]
    return found


def workloads() -> list[Object]:
    return objects("Deployment", "StatefulSet") + [
        {**one, "spec": one["spec"]["jobTemplate"]["spec"]} for one in objects("CronJob")
    ]


def labels(workload: Object) -> dict[str, str]:
    return dict(workload["spec"]["template"]["metadata"]["labels"])


def selected(selector: Object, workload: Object) -> bool:
    """Return True if a label selector matches the pods of a workload."""
    has = labels(workload)
    exact = selector.get("matchLabels", {}).items() <= has.items()
    return exact and all(has.get(e["key"]) in e["values"] for e in selector.get("matchExpressions", []))


def compose() -> Object:
    return validation.interpolated(validation.COMPOSE_FILE.read_text())


def test_gateway_admits_customers_behind_one_address() -> None:
    """A carrier's customers share an address, and this gateway counts their order streams as connections."""
    limits = named("Ingress", "promo")["metadata"]["annotations"]
    prefix = "nginx.ingress.kubernetes.io/limit-"
    assert int(limits[f"{prefix}connections"]) >= Settings().max_streams_per_address
    assert int(limits[f"{prefix}rps"]) >= 500


def test_everything_is_valid() -> None:
    """The check of `make check` finds nothing."""
    assert list(validation.faults()) == []


def in_pod(change: Callable[[Object], None]) -> Callable[[Object], None]:
    return lambda one: change(one["spec"]["template"]["spec"])


#: Mistakes, each in an object that has none: kind, name, what is done to it.
MISTAKES: dict[str, tuple[str, str, Callable[[Object], None]]] = {
    "a probe is misspelt": (
        "Deployment", "promo-ingress", in_pod(lambda pod: pod["containers"][0].update(readynessProbe={}))
    ),
    "a port is a word": (
        "Deployment", "promo-egress", in_pod(lambda pod: pod["containers"][0]["ports"][0].update(containerPort="x"))
    ),
    "a selector is forgotten": ("StatefulSet", "promo-streams", lambda one: one["spec"].pop("selector")),
    "a budget has a word too many": ("PodDisruptionBudget", "promo-streams", lambda one: one["spec"].update(min=1)),
    "a policy has no type": (
        "NetworkPolicy", "promo-redis", lambda one: one["spec"]["ingress"][0]["ports"][0].update(protocol=6379)
    ),
    "a topic has no partition": ("KafkaTopic", "order.commands", lambda one: one["spec"].update(partitions=0)),
    "a topic has a setting that there is not": (
        "KafkaTopic", "order.commands", lambda one: one["spec"]["config"].update({"retention": "1"})
    ),
    "a listener has no tls": ("Kafka", "promo", lambda one: one["spec"]["kafka"]["listeners"][0].pop("tls")),
    "a pool stores in memory": (
        "KafkaNodePool", "brokers", lambda one: one["spec"]["storage"]["volumes"][0].update(type="ephemral")
    ),
    "a trigger has no threshold": (
        "ScaledObject", "promo-streams", lambda one: one["spec"]["triggers"][0]["metadata"].pop("lagThreshold")
    ),
    "a threshold is a number": (
        "ScaledObject", "promo-ingress", lambda one: one["spec"]["triggers"][0]["metadata"].update(threshold=5)
    ),
    "a monitor asks no port": ("PodMonitor", "promo", lambda one: one["spec"]["podMetricsEndpoints"][0].pop("port")),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_in_a_manifest_is_found(mistake: str) -> None:
    """A check that cannot fail is no check."""
    kind, name, make = MISTAKES[mistake]
    broken = copy.deepcopy(named(kind, name))
    assert list(validation.kubernetes_faults(broken)) == []
    make(broken)
    assert list(validation.kubernetes_faults(broken))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("healthcheck:", "helthcheck:"),
        ("service_healthy", "service_well"),
        ("interval: 3s", "interval: often"),
    ],
)
def test_mistake_in_the_compose_file_is_found(right: str, wrong: str) -> None:
    """The Compose Specification knows neither the misspelt key nor the wrong value."""
    text = validation.COMPOSE_FILE.read_text()
    assert list(validation.compose_faults(text)) == []
    assert list(validation.compose_faults(text.replace(right, wrong, 1)))


def test_unknown_setting_in_a_manifest_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Manifests name only settings of `promo settings`."""
    assert list(validation.setting_faults()) == []
    other = tmp_path / "docker-compose.yml"
    other.write_text(validation.COMPOSE_FILE.read_text().replace("PROMO_OPS_PORT", "PROMO_OPS_PROT"))
    monkeypatch.setattr(validation, "COMPOSE_FILE", other)
    assert list(validation.setting_faults()) == ["docker-compose.yml: there is no setting PROMO_OPS_PROT"]


def test_pods_run_unprivileged() -> None:
    """Non-root, a read-only root, no capabilities, no token of the cluster, bounded memory."""
    for workload in workloads():
        pod = workload["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["requests"] and container["resources"]["limits"]["memory"]
            assert workload["kind"] == "CronJob" or (
                container["livenessProbe"] and container["readinessProbe"]
            )


def test_probes_use_ports_of_their_pods() -> None:
    """Each of our pods has the three probes, and runs a part that exists."""
    for name in OURS:
        [workload] = [one for one in workloads() if one["metadata"]["name"] == name]
        [container] = workload["spec"]["template"]["spec"]["containers"]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert ports["ops"] == 18100
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = container[probe]["httpGet"]
            assert asked["path"].startswith("/health/") and asked["port"] in ports
        assert container["command"][:2] == ["python", "-m"]
        assert (ROOT / container["command"][2] / "__main__.py").exists()


def test_secrets_come_by_reference() -> None:
    """No manifest and no ConfigMap has a secret."""
    assert not objects("Secret")
    settings = named("ConfigMap", "promo-settings")["data"]
    assert not any("TOKEN" in name or "SECRET" in name for name in settings)
    wanted = {
        entry["name"]: entry["valueFrom"]["secretKeyRef"]["name"]
        for one in workloads()
        for entry in one["spec"]["template"]["spec"]["containers"][0].get("env", [])
        if "secretKeyRef" in entry.get("valueFrom", {})
    }
    assert set(wanted.values()) == {"promo-secrets"}
    assert set(wanted) == READERS.keys() - {"PROMO_PROVIDER_TOKEN"}  # it is mounted as a file


@pytest.mark.parametrize(
    ("role", "planted", "fault"),
    [
        ("egress-1", {"PROMO_TOKEN_SECRET": "x"}, "egress has PROMO_TOKEN_SECRET"),
        ("streams-1", {"PROMO_PRIVACY_SECRET": "x"}, "streams has PROMO_PRIVACY_SECRET"),
        ("ingress-2", None, "ingress lacks PROMO_ADMIN_TOKEN"),
    ],
)
def test_each_process_has_the_secrets_that_it_reads(
    monkeypatch: pytest.MonkeyPatch, role: str, planted: dict[str, str] | None, fault: str
) -> None:
    """By the table of readers: nothing but ingress makes tokens or opens personal data."""
    assert not list(validation.secret_faults())
    document = compose()
    document["services"][role]["environment"] = planted or {}
    monkeypatch.setattr(validation, "interpolated", lambda text: document)
    assert any(found.endswith(fault) for found in validation.secret_faults())


def test_the_providers_token_is_a_file_of_two_pods() -> None:
    """Egress and the daily comparison call the provider; a file can be rotated without a restart."""
    having = {}
    for one in workloads():
        pod = one["spec"]["template"]["spec"]
        items = [item for v in pod.get("volumes", []) for item in v.get("secret", {}).get("items", [])]
        if {"key": "provider-token", "path": "token"} in items:
            [container] = pod["containers"]
            having[one["metadata"]["name"]] = {e["name"]: e.get("value") for e in container["env"]}
    assert having.keys() == {"promo-egress", "promo-reconcile"}
    assert {env["PROMO_PROVIDER_TOKEN_FILE"] for env in having.values()} == {"/secrets/provider/token"}
    given = {
        name
        for name, s in compose()["services"].items()
        if "PROMO_PROVIDER_TOKEN" in s.get("environment", {})
    }
    assert given == {"egress-1", "payments"}


def test_workers_keep_disk_and_group_id() -> None:
    """The group instance id is the name of the pod, which a StatefulSet keeps, as it keeps the disk of the state."""
    streams = named("StatefulSet", "promo-streams")["spec"]
    [container] = streams["template"]["spec"]["containers"]
    env = {entry["name"]: entry for entry in container["env"]}
    assert env["PROMO_INSTANCE"]["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    [claim] = streams["volumeClaimTemplates"]
    mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounted[claim["metadata"]["name"]] == env["PROMO_DATA_DIR"]["value"]


def test_each_selector_selects_pods() -> None:
    """A service, budget, policy or monitor that selects no pod has no effect, and no error."""
    for one in objects("PodDisruptionBudget", "PodMonitor"):
        assert any(selected(one["spec"]["selector"], workload) for workload in workloads()), one["metadata"]
    for one in objects("Service"):
        assert any(selected({"matchLabels": one["spec"]["selector"]}, workload) for workload in workloads())
    for one in objects("NetworkPolicy"):
        assert any(selected(one["spec"]["podSelector"], workload) for workload in workloads()), one[
            "metadata"
        ]
    budgets = objects("PodDisruptionBudget")
    for name in OURS:
        [workload] = [one for one in workloads() if one["metadata"]["name"] == name]
        assert any(selected(budget["spec"]["selector"], workload) for budget in budgets)


def test_scaling_ends_at_the_partitions() -> None:
    """More workers than partitions would idle; more ingress than reply partitions would share them."""
    targets = {(one["kind"], one["metadata"]["name"]) for one in workloads()}
    max_replicas = {"promo-streams": Settings().partitions, "promo-egress": Settings().partitions}
    max_replicas["promo-ingress"] = Settings().reply_partitions
    for one in objects("ScaledObject"):
        target = one["spec"]["scaleTargetRef"]
        assert (target["kind"], target["name"]) in targets
        assert one["spec"]["maxReplicaCount"] == max_replicas.pop(target["name"])
        assert one["spec"]["minReplicaCount"] >= 2
    assert not max_replicas


def test_lag_is_of_groups_and_topics_that_exist() -> None:
    """KEDA ignores a group or topic that does not exist."""
    asked = [
        t["metadata"]
        for one in objects("ScaledObject")
        for t in one["spec"]["triggers"]
        if t["type"] == "kafka"
    ]
    assert {one["consumerGroup"] for one in asked} == {
        DECISIONS.name,
        PROJECTION.name,
        PAYMENTS.name,
        NOTIFICATIONS.name,
        DELIVERIES.name,
    }
    assert {one["topic"] for one in asked if "topic" in one} <= {topic.name for topic in TOPICS}


def test_each_topic_of_the_registry_is_a_kafka_topic() -> None:
    """With the partitions of the settings."""
    settings = named("ConfigMap", "promo-settings")["data"]
    made = {one["metadata"]["name"]: one["spec"] for one in objects("KafkaTopic")}
    assert made.keys() == {topic.name for topic in TOPICS}
    for topic in TOPICS:
        given = settings.get(f"PROMO_{topic.partitions.upper()}", str(getattr(Settings(), topic.partitions)))
        assert str(made[topic.name]["partitions"]) == given


def test_network_policies_allow_what_is_needed() -> None:
    """Everything is denied by default; streams reach neither HTTP nor Redis."""
    [deny_all] = [one for one in objects("NetworkPolicy") if one["metadata"]["name"] == "promo-deny-all"]
    assert deny_all["spec"]["policyTypes"] == ["Ingress", "Egress"] and "egress" not in deny_all["spec"]
    assert all(selected(deny_all["spec"]["podSelector"], workload) for workload in workloads())

    def reaches(name: str) -> set[int]:
        [workload] = [one for one in workloads() if one["metadata"]["name"] == name]
        return {
            port["port"]
            for policy in objects("NetworkPolicy")
            if selected(policy["spec"]["podSelector"], workload)
            for rule in policy["spec"].get("egress", [])
            for port in rule["ports"]
        }

    assert reaches("promo-streams") == {53, 9092, 4318}
    assert reaches("promo-ingress") == {53, 9092, 4318, 6379, 443}
    assert reaches("promo-egress") == {53, 9092, 4318, 6379, 443}
    assert reaches("promo-reconcile") == {53, 9092, 4318, 443}
    assert reaches("promo-redis") == set()


def test_plain_text_listener_is_for_our_pods() -> None:
    """Strimzi allows every pod unless the listener names its peers."""
    for listener in named("Kafka", "promo")["spec"]["kafka"]["listeners"]:
        peers = [peer["podSelector"] for peer in listener["networkPolicyPeers"] if "podSelector" in peer]
        assert listener["tls"] or peers
        assert all(selected(peer, workload) for peer in peers for workload in workloads())


def test_containers_are_locked_and_on_loopback() -> None:
    """Published ports are on 127.0.0.1; each process has a read-only root and no capabilities."""
    services = compose()["services"]
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)
    for name in ("ingress-1", "ingress-2", "streams-1", "streams-2", "egress-1", "payments", "messaging"):
        service = services[name]
        assert service["read_only"] and service["cap_drop"] == ["ALL"]
        assert service["environment"]["PROMO_INSTANCE"].removesuffix("-1") == name.removesuffix("-1")
    for name, service in services.items():
        has_check = service.get("healthcheck") or service["image"] == "promo-relampago"  # the image's own
        assert has_check, name


def test_compose_file_requires_secrets() -> None:
    """There are no default secrets, which everyone would know."""
    text = validation.COMPOSE_FILE.read_text()
    assert all(
        f"${{PROMO_{name}:?" in text
        for name in ("ADMIN_TOKEN", "TOKEN_SECRET", "WEBHOOK_SECRET", "PRIVACY_SECRET")
    )


def test_prometheus_scrapes_each_process() -> None:
    """All processes of the compose file are targets."""
    config = yaml.safe_load((validation.PROMETHEUS / "prometheus.yml").read_text())
    [job] = config["scrape_configs"]
    asked = {target.partition(":")[0] for group in job["static_configs"] for target in group["targets"]}
    services = compose()["services"]
    assert asked == {n for n, s in services.items() if "PROMO_INSTANCE" in s.get("environment", {})}


def test_image_has_runtime_packages_only() -> None:
    """The lock of the image has the versions of requirements.lock, and no development tools."""

    def pinned(path: Path) -> dict[str, str]:
        return dict(re.findall(r"^([\w.-]+)==(\S+)", path.read_text(), re.M))

    held, all_of_it = pinned(ROOT / "compose/image/requirements.lock"), pinned(ROOT / "requirements.lock")
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")

    def names(text: str) -> set[str]:
        return {
            re.split(r"[^\w.-]", line)[0].lower()
            for line in text.splitlines()
            if line and not line.startswith("#")
        }

    extras = config["options.extras_require"]
    assert names(config["options"]["install_requires"]) | names(extras["otel"]) <= held.keys()
    tools = names(extras["dev"]) | names(extras["stack"])
    assert held.keys() & tools <= {"requests"}, "OpenTelemetry's exporter asks for it"
    assert {name: all_of_it.get(name, version) for name, version in held.items()} == held


def test_each_part_is_copied_into_the_image() -> None:
    """The Dockerfile copies all packages of setup.cfg."""
    text = (ROOT / "Dockerfile").read_text()
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    parts = set(config["options.packages.find"]["include"].replace("*", "").split())
    assert parts == set(re.findall(r"^COPY (\w+) \1$", text, re.M))
    assert text.startswith("# ") and "ARG BASE=python:3.12-slim" in text and "USER 10001:10001" in text
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]


def size_of(text: str) -> int:
    """Return the bytes of a quantity of Kubernetes or of Redis' settings."""
    units = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "mb": 2**20}
    return int(text[:-2]) * units[text[-2:]]


#: Honest load of a day, in orders, with promotions of a quarter of an hour at 90 orders a second; and refusals a second of
#: a client that makes as many as one worker decides.
ORDERS_A_DAY, REFUSALS_A_SECOND = 90 * 15 * 60 + 20_000, 400
#: Measured sizes, in bytes: an order's rows in state, its view, its facts on one broker; a refusal's rows, its view.
ORDER_ROWS, ORDER_VIEW, ORDER_FACTS = 2_300, 1_800, 6_900
REFUSAL_ROWS, REFUSAL_VIEW = 1_900, 1_300
#: What an alert leaves: it is due at 70 %.
USABLE = 0.7


def test_redis_has_room_for_what_its_views_keep() -> None:
    """A week of orders, and a quarter of an hour of refusals."""
    [pod] = named("StatefulSet", "promo-redis")["spec"]["template"]["spec"]["containers"]
    room = size_of(pod["args"][pod["args"].index("--maxmemory") + 1])
    orders = ORDERS_A_DAY * view_keys.ORDER_TTL_SECONDS // 86_400 * ORDER_VIEW
    refusals = REFUSALS_A_SECOND * view_keys.REFUSED_ORDER_TTL_SECONDS * REFUSAL_VIEW
    assert orders + refusals <= USABLE * room, f"{(orders + refusals) / 2**20:.0f} MiB"
    assert size_of(pod["resources"]["limits"]["memory"]) >= 2 * room, "a snapshot copies pages that change"
    [claim] = named("StatefulSet", "promo-redis")["spec"]["volumeClaimTemplates"]
    assert size_of(claim["spec"]["resources"]["requests"]["storage"]) >= 2 * room


def test_a_worker_has_room_for_what_the_state_keeps() -> None:
    """One worker may own every partition; RocksDB needs the space twice while it compacts."""
    policy = Policy()
    orders = ORDERS_A_DAY * policy.order_retention_seconds // 86_400 * ORDER_ROWS
    refusals = REFUSALS_A_SECOND * policy.refusal_retention_seconds * REFUSAL_ROWS
    [claim] = named("StatefulSet", "promo-streams")["spec"]["volumeClaimTemplates"]
    room = size_of(claim["spec"]["resources"]["requests"]["storage"])
    assert 2 * (orders + refusals) <= USABLE * room, f"{(orders + refusals) / 2**20:.0f} MiB"


def test_a_broker_has_room_for_two_months_of_facts() -> None:
    """Facts are kept indefinitely: an alert says in time that the claim is to grow."""
    [volume] = named("KafkaNodePool", "brokers")["spec"]["storage"]["volumes"]
    assert USABLE * size_of(volume["size"]) >= 60 * ORDERS_A_DAY * ORDER_FACTS
