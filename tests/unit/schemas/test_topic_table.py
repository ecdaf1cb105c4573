"""schemas/README.md lists the topics as the registries have them."""

import pytest

from schemas.consumer_groups import CONSUMER_GROUPS
from schemas.publication import topic_table
from schemas.topics import DEAD_LETTER_TOPICS, TOPICS


def test_the_table_of_topics_is_current() -> None:
    """Run `python -m schemas` after a change of a topic or a consumer group."""
    readme = topic_table.FILE.read_text()
    assert topic_table.render(readme) == readme, "stale: run python -m schemas"


def test_the_readme_is_short() -> None:
    """Everything else has a README of its own."""
    assert len(topic_table.FILE.read_text().splitlines()) <= 110


def test_every_topic_has_a_row_with_all_cells() -> None:
    """A new topic names its reader, key and retention."""
    _, _, *rows = topic_table.table().splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert len(cells) == len(TOPICS) - len(DEAD_LETTER_TOPICS) + 1
    assert all(len(row) == 6 and all(row) for row in cells), "a topic without reader, key or retention"


def test_consumer_groups_read_topics_of_the_registry() -> None:
    """A misspelt topic would have no reader."""
    names = {topic.name for topic in TOPICS}
    assert all(set(group.topics) <= names for group in CONSUMER_GROUPS)


def test_a_readme_without_markers_is_an_error() -> None:
    """A table would otherwise vanish silently."""
    with pytest.raises(ValueError, match="topics: made by"):
        topic_table.render("# schemas\n")
