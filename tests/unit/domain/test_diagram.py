"""The picture in streams/domain/README.md is generated from the table of transitions."""

from pathlib import Path

from streams.domain import order_machine


def test_the_readme_shows_the_current_transitions():
    """To update it: `python -c "from streams.domain.order_machine import diagram; print(diagram())"`."""
    readme = Path(order_machine.__file__).with_name("README.md")
    assert order_machine.diagram() in readme.read_text()
