"""What breaks between two versions of a message's JSON Schema, and by which rule.

Whoever reads must be able to read what was written before, and whoever was written for the old schema
must find in a new record what it found before. So nothing that was there may go, and nothing that was
not asked for may be needed. New optional fields, new messages and new members of an enum are fine.
"""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

Rule = Literal[
    "message-removed",
    "field-removed",
    "field-became-required",
    "field-became-optional",
    "type-narrowed",
    "type-widened",
    "enum-member-removed",
    "bounds-narrowed",
    "unknown-fields-forbidden",
]

#: Keywords that a value must stay above, and those that it must stay below.
_LEAST = ("minimum", "minLength", "minItems")
_MOST = ("maximum", "maxLength", "maxItems")


class Break(NamedTuple):
    """One thing that breaks: the rule, and the place in the message."""

    rule: Rule
    at: str


def breaks(old: dict[str, Any], new: dict[str, Any]) -> list[Break]:
    """Return everything that breaks from the old schema to the new one; both with their own `$defs`."""
    return [*_Comparison(old.get("$defs", {}), new.get("$defs", {})).of(old, new, "")]


class _Comparison:
    def __init__(self, old_defs: dict[str, Any], new_defs: dict[str, Any]) -> None:
        self._defs = old_defs, new_defs
        self._seen: set[tuple[str, str]] = set()

    def of(self, old: dict[str, Any], new: dict[str, Any], at: str) -> Iterator[Break]:
        names = old.get("$ref", ""), new.get("$ref", "")
        if all(names):
            if names in self._seen:
                return  # what is told once is enough, and a schema may hold itself
            self._seen.add(names)
        old, new = _resolved(old, self._defs[0]), _resolved(new, self._defs[1])
        olds, news = self._alternatives(old, 0), self._alternatives(new, 1)
        for kind in olds.keys() - news.keys():
            yield Break("type-narrowed", f"{at} ({kind})")
        for kind in news.keys() - olds.keys():
            yield Break("type-widened", f"{at} ({kind})")
        for kind in sorted(olds.keys() & news.keys()):
            yield from self._same_kind(olds[kind], news[kind], at)

    def _alternatives(self, schema: dict[str, Any], side: int) -> dict[str, dict[str, Any]]:
        """Return what a value may be, by its kind: a type, or of messages in a union the tag."""
        found = {}
        for choice in schema.get("anyOf", [schema]):
            resolved = _resolved(choice, self._defs[side])
            tag = resolved.get("properties", {}).get("type", {}).get("enum", [""])[0]
            enumerated = "string" if "enum" in resolved else "any"
            found[f"{resolved.get('type', enumerated)} {tag}".strip()] = resolved
        return found

    def _same_kind(self, old: dict[str, Any], new: dict[str, Any], at: str) -> Iterator[Break]:
        removed = set(old.get("enum", ())) - set(new["enum"]) if "enum" in new else set()
        if "enum" in new and ("enum" not in old or removed):
            yield Break("enum-member-removed", f"{at} {sorted(removed)}")
        if _is_narrower(old, new):
            yield Break("bounds-narrowed", at)
        yield from self._fields(old, new, at)
        if "items" in old and "items" in new:
            yield from self.of(old["items"], new["items"], f"{at}/*")
        olds, news = (side.get("additionalProperties", True) for side in (old, new))
        if isinstance(olds, dict) and isinstance(news, dict):
            yield from self.of(olds, news, f"{at}/*")
        elif news is False and olds is not False:
            yield Break("unknown-fields-forbidden", at)

    def _fields(self, old: dict[str, Any], new: dict[str, Any], at: str) -> Iterator[Break]:
        olds, news = old.get("properties", {}), new.get("properties", {})
        required, requires = set(old.get("required", ())), set(new.get("required", ()))
        for name in olds:
            where = f"{at}/{name}"
            if name not in news:
                yield Break("field-removed", where)
                continue
            if name in required - requires:
                yield Break("field-became-optional", where)
            yield from self.of(olds[name], news[name], where)
        for name in sorted(requires - required):
            yield Break("field-became-required", f"{at}/{name}")


def _resolved(schema: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref")
    resolved: dict[str, Any] = schema if name is None else defs[name.rpartition("/")[2]]
    return resolved


def _is_narrower(old: dict[str, Any], new: dict[str, Any]) -> bool:
    if new.get("pattern") not in (None, old.get("pattern")) or new.get("format") not in (
        None,
        old.get("format"),
    ):
        return True
    raised = any(word in new and new[word] > old.get(word, float("-inf")) for word in _LEAST)
    return raised or any(word in new and new[word] < old.get(word, float("inf")) for word in _MOST)
