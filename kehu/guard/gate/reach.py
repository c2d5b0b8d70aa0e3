"""What a policy can reach, read from its syntax tree (Cedar's JSON form): its actions, its law, the attributes it reads.

Only what leaves every answer the same is concluded: a conjunction whose first word is false is false, and Cedar looks at
nothing behind it. Whatever is not plainly of the usual form counts as reaching everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Policy = Mapping[str, Any]


def may_act(policy: Policy, action: str) -> bool:
    """Whether a policy's scope has this action."""
    scope = policy["action"]
    named = [scope["entity"]] if "entity" in scope else scope.get("entities")
    if scope["op"] not in ("==", "in") or named is None or any(one["type"] != "Action" for one in named):
        return True
    return action in {one["id"] for one in named}


def law_of(policy: Policy) -> str | None:
    """The law pack without which a policy is false: its first condition begins ``context.packs.contains("…")``."""
    conditions = policy["conditions"]
    if not conditions or conditions[0]["kind"] != "when":
        return None
    first = conditions[0]["body"]
    while "&&" in first:
        first = first["&&"]["left"]
    match first:
        case {"contains": {"left": {".": {"left": {"Var": "context"}, "attr": "packs"}}, "right": {"Value": str(law)}}}:
            return law
    return None


def read_of(variable: str, policies: Iterable[Policy]) -> frozenset[str] | None:
    """The attributes of ``resource`` (or another variable) that any of the policies reads; None: it may be any."""
    found: set[str] = set()
    for policy in policies:
        for condition in policy["conditions"]:
            for name in _read(variable, condition["body"]):
                if name is None:
                    return None
                found.add(name)
    return frozenset(found)


def _read(variable: str, tree: Any) -> Iterator[str | None]:
    match tree:
        case {".": {"left": {"Var": held}, "attr": name}} | {"has": {"left": {"Var": held}, "attr": name}}:
            if held == variable:
                yield str(name)
        case {"Var": held}:
            if held == variable:
                yield None
        case Mapping():
            for part in tree.values():
                yield from _read(variable, part)
        case list():
            for part in tree:
                yield from _read(variable, part)
