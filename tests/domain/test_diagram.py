"""The picture in the README is generated from the table."""

from pathlib import Path

from streams.domain.order_machine import diagram


def test_the_readme_shows_the_machine_that_is_in_force():
    """Paste what `python -c "from streams.domain.order_machine import diagram; print(diagram())"` prints."""
    assert diagram() in (Path(__file__).parents[2] / "README.md").read_text()
