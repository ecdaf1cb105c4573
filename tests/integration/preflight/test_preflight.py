"""`promo topics` and the preflight of each process, on a real broker whose topics are not ours."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from compose.kafka import topics
from compose.supervisor.services import ROOT
from schemas.runtime.kafka_clients import make_admin_client
from schemas.runtime.kafka_requests import IncrementalAlterConfigsRequest
from schemas.runtime.topic_inspection import read_topics
from schemas.runtime.topic_preflight import TopicsDifferError, check_topics
from schemas.settings import Settings
from schemas.topic_differences import find_differences
from schemas.topics import BROKER_MESSAGE_BYTES, ORDER_COMMANDS, ORDER_CREATED, STATE_CHANGELOG, TOPICS
from tests.support.stack import start_kafka

DAMAGE = {
    ORDER_COMMANDS.name: {"message.timestamp.type": "CreateTime", "compression.type": "zstd"},
    ORDER_CREATED.name: {"max.message.bytes": "1000"},
    STATE_CHANGELOG.name: {"cleanup.policy": "delete"},
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A broker of its own, since its topics are damaged."""
    server = start_kafka(tmp_path_factory.mktemp("preflight"))
    yield Settings(kafka_bootstrap_servers=server.bootstrap)
    server.stop()


async def damage(settings: Settings, configs: Mapping[str, Mapping[str, str]]) -> None:
    """Change configurations as another tool would, and return when the broker shows them."""
    admin = make_admin_client(settings.kafka)
    await admin.start()
    response = await admin._send_request(IncrementalAlterConfigsRequest(configs))
    assert all(code == 0 for code, *_ in response.responses)
    while {one.topic for one in find_differences(await read_topics(admin), settings)} != configs.keys():
        await asyncio.sleep(0.1)
    await admin.close()


async def compression(settings: Settings) -> str:
    admin = make_admin_client(settings.kafka)
    await admin.start()
    config = ConfigResource(ConfigResourceType.TOPIC, ORDER_COMMANDS.name, None)
    [response] = await admin.describe_configs([config])
    await admin.close()
    return next(entry[1] for entry in response.resources[0][4] if entry[0] == "compression.type")


async def test_promo_topics_repairs_what_was_changed(settings: Settings) -> None:
    """And leaves what the registry does not name; with --check it changes nothing."""
    done = await topics.synchronize(settings)
    assert {one.topic for one in done.changed} == {topic.name for topic in TOPICS} and not done.remaining
    await damage(settings, DAMAGE)
    for _ in range(2):
        found = await topics.synchronize(settings, check_only=True)
        assert {one.topic for one in found.remaining} == set(DAMAGE) and not found.changed
    with pytest.raises(TopicsDifferError):
        await check_topics(settings)
    done = await topics.synchronize(settings)
    assert len(done.changed) == 3 and not done.remaining
    state = await check_topics(settings)
    assert state.topics[ORDER_COMMANDS.name].configs["message.timestamp.type"] == "LogAppendTime"
    assert state.topics[ORDER_CREATED.name].configs["max.message.bytes"] == str(BROKER_MESSAGE_BYTES)
    assert await compression(settings) == "zstd"


async def test_the_cluster_is_read_as_it_is(settings: Settings) -> None:
    """All topics of the registry, with partitions and copies."""
    await topics.create(settings)
    admin = make_admin_client(settings.kafka)
    await admin.start()
    state = await read_topics(admin)
    cluster = await admin.describe_cluster()
    await admin.close()
    assert state.cluster_id == cluster["cluster_id"] and state.brokers == 1
    assert {name: topic.partitions for name, topic in state.topics.items()} == {
        topic.name: getattr(settings, topic.partitions) for topic in TOPICS
    }
    assert {topic.replicas for topic in state.topics.values()} == {1}


@pytest.mark.parametrize("part", ["ingress", "streams", "egress"])
async def test_a_process_does_not_work_on_topics_that_differ(
    settings: Settings, tmp_path: Path, part: str
) -> None:
    """It ends with 2 and names them: another number of partitions, another policy, the senders' times."""
    await topics.create(settings)
    await damage(settings, DAMAGE)
    environment = {
        "PROMO_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "PROMO_REDIS_URL": "redis://127.0.0.1:9/0",
        "PROMO_PARTITIONS": "4",
        "PROMO_OPS_PORT": "0",
        "PROMO_DATA_DIR": str(tmp_path),
        "PROMO_INSTANCE": f"{part}-1",
    } | {f"PROMO_{name}_SECRET": "s" for name in ("TOKEN", "WEBHOOK", "PRIVACY")}
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", part],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    await topics.create(settings)
    assert done.returncode == 2, done.stderr
    assert "PROMO_PARTITIONS=4, but the topics in Kafka have 8" in done.stderr
    assert f"{ORDER_COMMANDS.name}: message.timestamp.type is CreateTime" in done.stderr
    assert f"{STATE_CHANGELOG.name}: cleanup.policy is delete; it must be compact" in done.stderr
    assert "Run promo topics" in done.stderr and "Traceback" not in done.stderr
