"""`promo topics`, and that each way of making topics gives the same ones."""

import asyncio
import json
import re

import pytest
import yaml
from aiokafka.errors import KafkaConnectionError

from compose.errors import StackError
from compose.kafka import topics
from compose.kubernetes.generate import FOLDER
from schemas.runtime import topic_preflight
from schemas.runtime.topic_preflight import TopicsDifferError, check_topics, wait_for_topics
from schemas.settings import Settings
from schemas.topics import ORDER_COMMANDS, ORDER_CREATED, PUSH_SUBSCRIPTIONS, TOPICS
from tests.manifests import __main__ as validation
from tests.support.compose.fake_admin import FakeAdmin

SETTINGS = Settings()


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch) -> FakeAdmin:
    """A cluster of three brokers, which every admin client is connected to."""
    fake = FakeAdmin()
    for module in (topics, topic_preflight):
        monkeypatch.setattr(module, "make_admin_client", lambda *_, **__: fake)
    for name in ("GRACE_SECONDS", "POLL_INTERVAL_SECONDS"):
        monkeypatch.setattr(topic_preflight, name, 0.0)
    return fake


async def test_all_ways_of_making_topics_give_the_same(admin: FakeAdmin) -> None:
    """`promo topics` in a cluster of three brokers, and Strimzi; the compose file runs the same command."""
    await topics.create(SETTINGS)
    made = {name: (t.partitions, t.replicas, t.configs) for name, t in admin.topics.items()}
    manifests = [json.loads(text) for text in (FOLDER / "topics.yaml").read_text().split("---\n")[1:]]
    strimzi = {one["metadata"]["name"]: one["spec"] for one in manifests}
    assert made == {
        name: (spec["partitions"], spec["replicas"], spec["config"]) for name, spec in strimzi.items()
    }
    assert all(configs["min.insync.replicas"] == "2" for _, _, configs in made.values())
    services = yaml.safe_load(validation.COMPOSE_FILE.read_text())["services"]
    assert services["topics"]["command"] == ["python", "-m", topics.__name__]
    assert not any("kafka-topics" in str(service) for service in services.values())


def test_strimzi_brokers_have_the_same_minimum() -> None:
    """For topics that Kafka makes itself."""
    text = (FOLDER / "kafka.yaml").read_text()
    assert re.search(r"^ +min.insync.replicas: 2$", text, re.M)


async def test_changed_topics_are_set_and_nothing_else_is(admin: FakeAdmin, capsys) -> None:
    """What the registry does not name is the owner's."""
    await topics.synchronize(SETTINGS)
    commands, created = admin.topics[ORDER_COMMANDS.name], admin.topics[ORDER_CREATED.name]
    commands.configs |= {"message.timestamp.type": "CreateTime", "compression.type": "zstd"}
    created.configs |= {"cleanup.policy": "compact", "min.insync.replicas": "1"}
    del admin.topics[PUSH_SUBSCRIPTIONS.name]
    assert (await run_command(admin, capsys, check_only=True))[0] == 1
    with pytest.raises(TopicsDifferError):
        await check_topics(SETTINGS)
    done = await topics.synchronize(SETTINGS)
    assert done.remaining == [] and len(done.changed) == 4
    assert commands.configs == ORDER_COMMANDS.configs(3) | {"compression.type": "zstd"}
    assert created.configs == ORDER_CREATED.configs(3)
    writes = admin.writes
    assert (await topics.synchronize(SETTINGS)).changed == [] and admin.writes == writes
    await check_topics(SETTINGS)


async def run_command(admin: FakeAdmin, capsys, *, check_only: bool) -> tuple[int, str]:
    """Run `promo topics`; return its exit status and output."""
    writes = admin.writes
    status = await asyncio.to_thread(topics.run, SETTINGS, check_only=check_only)
    assert not check_only or admin.writes == writes
    out, err = capsys.readouterr()
    return status, out + err


async def test_what_cannot_be_set_is_named_with_what_to_do(admin: FakeAdmin, capsys) -> None:
    """The exit status is 1, and `promo up` does not start."""
    await topics.synchronize(SETTINGS)
    admin.topics[ORDER_COMMANDS.name].partitions = 12
    admin.topics[ORDER_CREATED.name].replicas = 1
    status, output = await run_command(admin, capsys, check_only=False)
    assert status == 1
    assert f"{ORDER_COMMANDS.name}: PROMO_PARTITIONS=8" in output and "Do not add partitions" in output
    assert f"{ORDER_CREATED.name}: copies on 1 of 3" in output and "kafka-reassign-partitions" in output
    with pytest.raises(StackError, match=re.escape(ORDER_COMMANDS.name)):
        await topics.create(SETTINGS)
    with pytest.raises(TopicsDifferError, match=re.escape(ORDER_COMMANDS.name)) as raised:
        await check_topics(SETTINGS)
    assert ORDER_CREATED.name not in str(raised.value)


async def test_a_harmless_difference_is_a_warning(admin: FakeAdmin, caplog, capsys) -> None:
    """The process works, `promo topics` leaves it and exits with 0."""
    await topics.synchronize(SETTINGS)
    admin.topics[ORDER_COMMANDS.name].configs["retention.ms"] = "-1"
    await check_topics(SETTINGS)
    assert f"{ORDER_COMMANDS.name}: retention.ms is -1" in caplog.text
    status, output = await run_command(admin, capsys, check_only=False)
    assert status == 0 and "left, since it keeps more" in output
    assert admin.topics[ORDER_COMMANDS.name].configs["retention.ms"] == "-1"


async def test_a_process_waits_for_kafka_and_not_for_other_topics(admin: FakeAdmin, monkeypatch) -> None:
    """A broker that starts later than a process is no reason to end; a wrong topic is."""
    starts = 0

    async def start() -> None:
        nonlocal starts
        starts += 1
        if starts < 3:
            raise KafkaConnectionError

    monkeypatch.setattr(admin, "start", start)
    with pytest.raises(TopicsDifferError, match="missing"):
        await wait_for_topics(SETTINGS)
    assert starts == 3
    await topics.synchronize(SETTINGS)
    await wait_for_topics(SETTINGS)


async def test_a_topic_that_appears_in_time_is_waited_for(admin: FakeAdmin, monkeypatch) -> None:
    """One that was just made is not known to each broker at once."""
    await topics.synchronize(SETTINGS)
    late = admin.topics.pop(TOPICS[0].name)
    monkeypatch.setattr(topic_preflight, "GRACE_SECONDS", 5.0)

    async def make(_: float) -> None:
        admin.topics[TOPICS[0].name] = late

    monkeypatch.setattr(topic_preflight.asyncio, "sleep", make)
    assert TOPICS[0].name in (await check_topics(SETTINGS)).topics
