"""What differs between topics and registry is named, and only what is dangerous stops a process."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.settings import Settings
from schemas.topic_differences import (
    MAX_NAMES,
    ClusterState,
    TopicState,
    find_differences,
    render_differences,
)
from schemas.topics import (
    DEAD_LETTER_TOPICS,
    ORDER_COMMANDS,
    ORDER_CREATED,
    PRIVACY_KEYRING,
    PUSH_SUBSCRIPTIONS,
    STATE_CHANGELOG,
    TOPICS,
    Topic,
)

SETTINGS = Settings()
PUSH_DEAD_LETTERS = DEAD_LETTER_TOPICS[PUSH_SUBSCRIPTIONS.name]


def made(topic: Topic, replicas: int) -> TopicState:
    """The topic as the registry makes it."""
    return TopicState(getattr(SETTINGS, topic.partitions), replicas, topic.configs(replicas))


def cluster(replicas: int = 1, brokers: int | None = None) -> ClusterState:
    return ClusterState("c", brokers or replicas, {topic.name: made(topic, replicas) for topic in TOPICS})


def changed(topic: Topic, replicas: int = 1, **fields: object) -> ClusterState:
    """A cluster in which one topic differs; `configs` replaces single configurations."""
    state = cluster(replicas)
    if "configs" in fields:
        fields["configs"] = topic.configs(replicas) | fields["configs"]
    return replace(state, topics={**state.topics, topic.name: replace(state.topics[topic.name], **fields)})


def found(state: ClusterState) -> list[tuple[str, str, str, bool]]:
    return [(d.topic, d.config, d.remedy, d.is_dangerous) for d in find_differences(state, SETTINGS)]


@pytest.mark.parametrize("replicas", [1, 2, 3])
def test_topics_as_the_registry_makes_them_do_not_differ(replicas: int) -> None:
    """Whatever the number of brokers; the order of a list and the notation of a number do not matter."""
    assert found(cluster(replicas)) == []
    configs = {"cleanup.policy": "delete, compact", "min.cleanable.dirty.ratio": "0.0"}
    assert found(changed(PUSH_SUBSCRIPTIONS, replicas, configs=configs)) == []


@pytest.mark.parametrize(
    ("topic", "config", "value"),
    [
        (ORDER_CREATED, "cleanup.policy", "compact"),
        (ORDER_CREATED, "retention.ms", "604800000"),
        (ORDER_CREATED, "retention.bytes", "1000000"),
        (STATE_CHANGELOG, "cleanup.policy", "delete"),
        (STATE_CHANGELOG, "cleanup.policy", "compact,delete"),
        (STATE_CHANGELOG, "delete.retention.ms", "1000"),
        (ORDER_COMMANDS, "message.timestamp.type", "CreateTime"),
        (ORDER_COMMANDS, "max.message.bytes", "1000000"),
        (ORDER_COMMANDS, "retention.ms", "3600000"),
        (ORDER_COMMANDS, "cleanup.policy", ""),
    ],
)
def test_what_loses_records_is_dangerous(topic: Topic, config: str, value: str) -> None:
    """`promo topics` sets it; until then no process works."""
    state = changed(topic, configs={config: value})
    assert found(state) == [(topic.name, config, "set", True)]
    [difference] = find_differences(state, SETTINGS)
    assert config in difference.text and value in difference.text


@pytest.mark.parametrize(("replicas", "in_sync"), [(3, "1"), (3, "4"), (1, "2")])
def test_too_few_or_too_many_acknowledging_copies_are_dangerous(replicas: int, in_sync: str) -> None:
    """One copy is one disk; more copies than there are acknowledge nothing."""
    state = changed(ORDER_COMMANDS, replicas, configs={"min.insync.replicas": in_sync})
    assert found(state) == [(ORDER_COMMANDS.name, "min.insync.replicas", "set", True)]


@pytest.mark.parametrize(
    ("topic", "config", "value"),
    [
        (ORDER_COMMANDS, "retention.ms", "-1"),
        (ORDER_COMMANDS, "retention.ms", "99999999999"),
        (ORDER_COMMANDS, "max.message.bytes", "2000000"),
        (ORDER_COMMANDS, "min.insync.replicas", "3"),
        (STATE_CHANGELOG, "delete.retention.ms", "99999999999"),
    ],
)
def test_what_keeps_more_is_left(topic: Topic, config: str, value: str) -> None:
    """The owner of the cluster may have a reason, and `promo topics` deletes nothing by itself."""
    assert found(changed(topic, 3, configs={config: value})) == [(topic.name, "", "keep", False)]


@pytest.mark.parametrize(
    ("topic", "config", "value"),
    [
        (PUSH_SUBSCRIPTIONS, "retention.ms", "-1"),
        (PUSH_DEAD_LETTERS, "retention.ms", "99999999999"),
        (PRIVACY_KEYRING, "delete.retention.ms", "86400000"),
        (PRIVACY_KEYRING, "segment.ms", "604800000"),
    ],
)
def test_personal_data_is_kept_no_longer_than_promised(topic: Topic, config: str, value: str) -> None:
    """No reason to stop orders, and `promo topics` sets it."""
    assert found(changed(topic, configs={config: value})) == [(topic.name, config, "set", False)]


def test_a_missing_topic_is_dangerous() -> None:
    """A consumer of it would ask for it again and again."""
    state = cluster()
    topics = {name: topic for name, topic in state.topics.items() if name != ORDER_COMMANDS.name}
    assert found(replace(state, topics=topics)) == [(ORDER_COMMANDS.name, "", "create", True)]


@given(st.integers(1, 100))
def test_another_number_of_partitions_is_dangerous(count: int) -> None:
    """A key would move to a partition without its state."""
    expected = [(ORDER_COMMANDS.name, "", "repartition", True)] if count != SETTINGS.partitions else []
    assert found(changed(ORDER_COMMANDS, partitions=count)) == expected


def test_topics_of_a_smaller_cluster_are_named() -> None:
    """They were made when there was one broker. Replicas of brokers that are down count."""
    differences = find_differences(cluster(1, brokers=3), SETTINGS)
    assert {d.topic for d in differences} == {topic.name for topic in TOPICS}
    assert all(d.remedy == "reassign" and not d.is_dangerous for d in differences)
    assert found(cluster(3, brokers=2)) == []


configurations = st.fixed_dictionaries(
    {
        "retention.ms": st.sampled_from(["-1", "1000", "86400000", "99999999999"]),
        "retention.bytes": st.sampled_from(["-1", "1000"]),
        "cleanup.policy": st.sampled_from(["delete", "compact", "compact,delete"]),
        "max.message.bytes": st.integers(0, 10_000_000).map(str),
        "min.insync.replicas": st.integers(1, 4).map(str),
        "message.timestamp.type": st.sampled_from(["CreateTime", "LogAppendTime"]),
        "delete.retention.ms": st.sampled_from(["0", "1000", "86400000"]),
        "segment.ms": st.sampled_from(["100", "604800000"]),
    }
)


@given(st.sampled_from(TOPICS), configurations, st.integers(1, 3))
def test_what_promo_topics_sets_is_enough(topic: Topic, configs: dict[str, str], replicas: int) -> None:
    """A second run has nothing to set, and what is left is not dangerous."""
    state = changed(topic, replicas, configs=configs)
    settable = [d for d in find_differences(state, SETTINGS) if d.remedy == "set"]
    mended = replace(
        state.topics[topic.name],
        configs=topic.configs(replicas) | configs | {d.config: d.value for d in settable},
    )
    after = find_differences(replace(state, topics={**state.topics, topic.name: mended}), SETTINGS)
    assert all(d.remedy == "keep" and not d.is_dangerous for d in after)


def test_many_topics_with_one_difference_are_one_line() -> None:
    """Wrong partitions are those of nearly every topic."""
    text = render_differences(find_differences(cluster(), Settings(partitions=4)))
    assert len(text.splitlines()) == 1
    assert f"{ORDER_COMMANDS.name}, " in text and "PROMO_PARTITIONS=4" in text
    assert text.count(",") >= MAX_NAMES - 1 and " more: " in text
