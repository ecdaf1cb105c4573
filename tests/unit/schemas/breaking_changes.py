"""Breaking changes between two versions of a message's JSON Schema, each with the rule that it breaks.

New code must read old records. Code written for the old schema must find in new records what it found in old ones.
So no field may go and no new field may be required. New optional fields, new messages and new members of
an enum are compatible.
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

#: Keywords of JSON Schema that bound a value.
_LOWER_BOUNDS = ("minimum", "minLength", "minItems")
_UPPER_BOUNDS = ("maximum", "maxLength", "maxItems")


class BreakingChange(NamedTuple):
    """One breaking change: the rule, and the path of the field in the message."""

    rule: Rule
    at: str


def find_breaking_changes(old: dict[str, Any], new: dict[str, Any]) -> list[BreakingChange]:
    """Return the breaking changes from the old schema to the new one, each with its own `$defs`."""
    return [*_Comparison(old.get("$defs", {}), new.get("$defs", {})).compare(old, new, "")]


class _Comparison:
    def __init__(self, old_defs: dict[str, Any], new_defs: dict[str, Any]) -> None:
        self._defs = old_defs, new_defs
        self._seen: set[tuple[str, str]] = set()

    def compare(self, old: dict[str, Any], new: dict[str, Any], at: str) -> Iterator[BreakingChange]:
        names = old.get("$ref", ""), new.get("$ref", "")
        if all(names):
            if names in self._seen:
                return  # compared before, or a schema that contains itself
            self._seen.add(names)
        old, new = _resolved(old, self._defs[0]), _resolved(new, self._defs[1])
        olds, news = self._alternatives(old, 0), self._alternatives(new, 1)
        for kind in olds.keys() - news.keys():
            yield BreakingChange("type-narrowed", f"{at} ({kind})")
        for kind in news.keys() - olds.keys():
            yield BreakingChange("type-widened", f"{at} ({kind})")
        for kind in sorted(olds.keys() & news.keys()):
            yield from self._same_kind(olds[kind], news[kind], at)

    def _alternatives(self, schema: dict[str, Any], side: int) -> dict[str, dict[str, Any]]:
        """Return the alternatives of a value by kind: its type and, of messages in a union, the tag."""
        found = {}
        for choice in schema.get("anyOf", [schema]):
            resolved = _resolved(choice, self._defs[side])
            tag = resolved.get("properties", {}).get("type", {}).get("enum", [""])[0]
            enumerated = "string" if "enum" in resolved else "any"
            found[f"{resolved.get('type', enumerated)} {tag}".strip()] = resolved
        return found

    def _same_kind(self, old: dict[str, Any], new: dict[str, Any], at: str) -> Iterator[BreakingChange]:
        removed = set(old.get("enum", ())) - set(new["enum"]) if "enum" in new else set()
        if "enum" in new and ("enum" not in old or removed):
            yield BreakingChange("enum-member-removed", f"{at} {sorted(removed)}")
        if _is_narrower(old, new):
            yield BreakingChange("bounds-narrowed", at)
        yield from self._fields(old, new, at)
        if "items" in old and "items" in new:
            yield from self.compare(old["items"], new["items"], f"{at}/*")
        olds, news = (side.get("additionalProperties", True) for side in (old, new))
        if isinstance(olds, dict) and isinstance(news, dict):
            yield from self.compare(olds, news, f"{at}/*")
        elif news is False and olds is not False:
            yield BreakingChange("unknown-fields-forbidden", at)

    def _fields(self, old: dict[str, Any], new: dict[str, Any], at: str) -> Iterator[BreakingChange]:
        olds, news = old.get("properties", {}), new.get("properties", {})
        required, requires = set(old.get("required", ())), set(new.get("required", ()))
        for name in olds:
            where = f"{at}/{name}"
            if name not in news:
                yield BreakingChange("field-removed", where)
                continue
            if name in required - requires:
                yield BreakingChange("field-became-optional", where)
            yield from self.compare(olds[name], news[name], where)
        for name in sorted(requires - required):
            yield BreakingChange("field-became-required", f"{at}/{name}")


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
    raised = any(word in new and new[word] > old.get(word, float("-inf")) for word in _LOWER_BOUNDS)
    return raised or any(word in new and new[word] < old.get(word, float("inf")) for word in _UPPER_BOUNDS)
