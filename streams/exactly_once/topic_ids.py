"""The ids of source and changelog, kept beside the position: Kafka gives a topic that is made again another one.

They have a record of their own, since earlier releases read the position's two numbers and nothing else.
"""

from typing import NamedTuple

#: The key of the ids in changelog and store.
TOPIC_IDS_KEY = b"\0topic-ids"


class TopicIds(NamedTuple):
    """The ids of the topics that a position belongs to; empty where they are not known."""

    source: str = ""
    changelog: str = ""

    def encode(self) -> bytes:
        """Return the value that is stored under TOPIC_IDS_KEY."""
        return b"%s %s" % (self.source.encode(), self.changelog.encode())

    def differs_from(self, other: "TopicIds") -> str:
        """Return in words which topic has another id; empty if none has that is known of both."""
        for what, mine, its in (
            ("source", self.source, other.source),
            ("changelog", self.changelog, other.changelog),
        ):
            if mine and its and mine != its:
                return f"the {what} has the id {its}, and the state is of {mine}"
        return ""

    def store_identity(self, log_identity: str) -> str:
        """Return what a local store must have been made from."""
        return f"{log_identity} {self.changelog}".rstrip()


def decode_topic_ids(raw: bytes | None) -> TopicIds:
    """Return stored ids; None: those of an earlier release, or of an empty state."""
    if raw is None:
        return TopicIds()
    source, changelog, *_ = raw.decode().split(" ")
    return TopicIds(source, changelog)
