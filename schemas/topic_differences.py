"""What differs between the topics of a cluster and the registry: nothing in Kafka is believed unchecked.

A difference is dangerous if orders, portions or facts can be lost or counted twice, or a topic refuses our records.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from schemas.settings import Settings
from schemas.topics import REPLICAS, TOPICS, Topic

#: Names that one line of a report has at most.
MAX_NAMES = 5

#: A greater value is as safe, so it is left: the owner of the cluster may have a reason.
_MINIMUMS = ("max.message.bytes", "min.insync.replicas", "delete.retention.ms")
#: The same, and -1 is no limit.
_RETENTIONS = ("retention.ms", "retention.bytes")
#: What only says how soon superseded records disappear.
_TUNING = ("segment.ms", "min.cleanable.dirty.ratio", "max.compaction.lag.ms", "file.delete.delay.ms")

#: What a person or `promo topics` does about a difference. `keep` is nothing: the topic keeps more than it must.
Remedy = Literal["create", "set", "keep", "repartition", "reassign"]


class TopicState(Struct, frozen=True):
    """One topic as the cluster has it."""

    partitions: int
    replicas: int  # of the partition that has the fewest
    configs: Mapping[str, str]  # also those that are the broker's defaults


class ClusterState(Struct, frozen=True):
    """The topics of the registry that a cluster has, by name."""

    cluster_id: str
    brokers: int  # that are up
    topics: Mapping[str, TopicState]


class TopicDifference(Struct, frozen=True):
    """What differs in one topic, in words, and what to do about it."""

    topic: str
    text: str
    remedy: Remedy
    is_dangerous: bool = True
    config: str = ""  # to set, and its value
    value: str = ""


def find_differences(
    state: ClusterState, settings: Settings, topics: Sequence[Topic] = TOPICS
) -> list[TopicDifference]:
    """Return every difference of these topics, in the order of the registry."""
    return [difference for topic in topics for difference in _of_topic(topic, state, settings)]


def render_differences(differences: Iterable[TopicDifference]) -> str:
    """Return one line for each text, with the topics that it is true of."""
    names = defaultdict(list)
    for difference in differences:
        names[difference.text].append(difference.topic)
    return "\n".join(f"  {_join(topics)}: {text}" for text, topics in names.items())


def _join(names: Sequence[str]) -> str:
    more = len(names) - MAX_NAMES
    return ", ".join(names[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")


def _of_topic(topic: Topic, state: ClusterState, settings: Settings) -> list[TopicDifference]:
    found = state.topics.get(topic.name)
    if found is None:
        return [TopicDifference(topic.name, "missing", "create")]
    differences = []
    if found.partitions != (wanted := getattr(settings, topic.partitions)):
        text = f"PROMO_{topic.partitions.upper()}={wanted}, but the topics in Kafka have {found.partitions}."
        differences.append(TopicDifference(topic.name, text, "repartition"))
    if found.replicas < (copies := min(state.brokers, REPLICAS)):
        text = f"copies on {found.replicas} of {state.brokers} brokers; there should be {copies}"
        differences.append(TopicDifference(topic.name, text, "reassign", is_dangerous=False))
    for config, value in topic.configs(found.replicas).items():
        difference = _of_config(topic, config, found.configs.get(config, ""), value, found.replicas)
        if difference is not None:
            differences.append(difference)
    return differences


def _of_config(topic: Topic, config: str, found: str, wanted: str, replicas: int) -> TopicDifference | None:
    if _normal(found) == _normal(wanted):
        return None
    is_more = _is_more(config, found, wanted)
    if config == "min.insync.replicas" and is_more and int(found) > replicas:
        is_more = False  # no record could be acknowledged
    must_not_keep = topic.expires if config in _RETENTIONS else wanted == "0"
    if is_more and not must_not_keep:
        text = f"{config} is {found}, more than {wanted}"
        return TopicDifference(topic.name, text, "keep", is_dangerous=False)
    is_dangerous = config not in _TUNING and not is_more
    text = f"{config} is {found or 'unknown'}; it must be {wanted}"
    return TopicDifference(topic.name, text, "set", is_dangerous, config, wanted)


def _is_more(config: str, found: str, wanted: str) -> bool:
    """Return True if a greater value keeps more, and this one is greater."""
    if config in _RETENTIONS:
        return wanted != "-1" and (found == "-1" or _number(found) > _number(wanted))
    return config in _MINIMUMS and _number(found) > _number(wanted)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("-inf")


def _normal(value: str) -> frozenset[object]:
    """Return a value without the order of a list and the notation of a number."""
    parts = (part.strip() for part in value.split(","))
    return frozenset(_number(part) if _number(part) != float("-inf") else part for part in parts)
