"""The example of streams/exactly_once/README.md is an application that runs."""

import re
from pathlib import Path

from streams.exactly_once import runtime
from streams.exactly_once.ports import Message, Output
from streams.exactly_once.staging import StagedTable
from tests.support.exactly_once.counting import Count, PoisonError, dead_letter
from tests.support.exactly_once.memory import MemoryStore


def test_the_example_declares_and_handles_messages():
    """What the names in the text stand for is passed in."""
    readme = Path(runtime.__file__).with_name("README.md").read_text()
    [example] = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    names = {
        "Count": Count,
        "dead_letter": dead_letter,
        "UnreadableError": PoisonError,
        "cluster_id": "cluster",
    }
    exec(compile(example, "README.md", "exec"), names)
    source = names["app"].runtime.sources["words"]
    assert (source.changelog, source.tables) == ("counts-changelog", {"counts": Count})
    store = MemoryStore()
    outputs: list[Output] = []
    store.open("cluster")
    tables = {"counts": StagedTable("counts", Count, store)}
    for offset in range(2):
        message = Message("words", 0, offset, 0, None, b"word", [])
        assert source.application.handler(message, 0, tables, outputs) == "counted"
    assert [(sent.topic, sent.value) for sent in outputs] == [("totals", b"1"), ("totals", b"2")]
