"""The picture in streams/domain/README.md is that of the table of transitions."""

from pathlib import Path

from schemas.orders import FINAL
from streams.domain import order_machine


def test_the_readme_shows_the_current_transitions() -> None:
    """A failure shows the picture that belongs there."""
    readme = Path(order_machine.__file__).with_name("README.md")
    assert diagram() in readme.read_text(), diagram()


def diagram() -> str:
    """Return the table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2"]
    for (state, trigger), following in order_machine.TRANSITIONS.items():
        lines.append(f"    {state or '[*]'} --> {following}: {trigger}")
    lines += [f"    {state} --> [*]" for state in sorted(FINAL)]
    return "\n".join(lines)
