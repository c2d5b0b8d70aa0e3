"""Which policies apply: each policy's syntax tree (Cedar's JSON form) made into a function of the facts of a question.

Cedar decides over those that apply. Of a hundred policies a handful does, the same handful for most fields of most
customers; asking Cedar about all of them again and again took nearly all the time of a decision. What is not plainly of
a known form is not known (None), and Cedar is asked about that policy each time. A test compares every answer with
Cedar's over all policies.

Sound because policies and questions are checked against the schema: a checked policy meets no error on a checked
question, so a conjunction with a false part is false wherever that part stands.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

Policy = Mapping[str, Any]
Facts = Mapping[str, Mapping[str, Any]]
"""Attributes of ``principal``, ``context`` and ``resource``, as far as they are known, as :func:`facts_of` makes them."""
Applies = Callable[[Facts], bool | None]
"""True: it applies; False: it does not; None: that depends on what is not known."""

_Worth = Callable[[Facts], Any]  # None: not known; no attribute of ours is null
_COMPARED: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_NOTHING: Final[Mapping[str, Any]] = {}
_SCALARS: Final = frozenset({str, bool, int})


def facts_of(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as they are compared: a list of words is a set of them, any other list is not known."""
    return {name: _set_of(value) if isinstance(value, (list, tuple)) else value for name, value in attributes.items()}


def _set_of(members: Iterable[Any]) -> frozenset[str] | None:
    return frozenset(members) if all(isinstance(one, str) for one in members) else None


def may_act(policy: Policy, action: str) -> bool:
    """Whether a policy's scope has this action."""
    scope = policy["action"]
    named = [scope["entity"]] if "entity" in scope else scope.get("entities")
    if scope["op"] not in ("==", "in") or named is None or any(one["type"] != "Action" for one in named):
        return True
    return action in {one["id"] for one in named}


def applies(policy: Policy) -> Applies:
    """A function that says of a question's facts whether the policy applies (its scope's action apart)."""
    scoped = all(policy[name]["op"] == "All" for name in ("principal", "resource"))
    parts = [_condition(one) for one in policy["conditions"]]

    def whole(facts: Facts) -> bool | None:
        known: bool | None = True if scoped else None
        for part in parts:
            value = part(facts)
            if value is False:
                return False
            if value is not True:
                known = None
        return known

    return whole


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


def _condition(condition: Mapping[str, Any]) -> _Worth:
    body = _worth(condition["body"])
    return body if condition["kind"] == "when" else _not(body)


def _worth(tree: Mapping[str, Any]) -> _Worth:
    match tree:
        case {"Value": bool(value) | int(value) | str(value)}:
            return lambda _facts: value
        case {".": {"left": {"Var": str(variable)}, "attr": str(name)}}:
            return lambda facts: facts.get(variable, _NOTHING).get(name)
        case {".": {"left": left, "attr": str(name)}}:
            return _attribute(_worth(left), name)
        case {"!": {"arg": held}}:
            return _not(_worth(held))
        case {"&&": {"left": left, "right": right}}:
            return _either(_worth(left), _worth(right), decisive=False)
        case {"||": {"left": left, "right": right}}:
            return _either(_worth(left), _worth(right), decisive=True)
        case {"==": {"left": left, "right": right}}:
            return _same(_worth(left), _worth(right))
        case {"!=": {"left": left, "right": right}}:
            return _not(_same(_worth(left), _worth(right)))
        case {"contains": {"left": {"Set": list(held)}, "right": right}}:
            return _one_of([one.get("Value") for one in held], _worth(right))
        case {"contains": {"left": left, "right": right}}:
            return _contains(_worth(left), _worth(right))
        case {"isEmpty": {"arg": held}}:
            return _is_empty(_worth(held))
        case {"<": two} | {"<=": two} | {">": two} | {">=": two}:
            return _compared(_COMPARED[next(iter(tree))], _worth(two["left"]), _worth(two["right"]))
    return lambda _facts: None


def _attribute(left: _Worth, name: str) -> _Worth:
    def attribute(facts: Facts) -> Any:
        held = left(facts)
        return held.get(name) if isinstance(held, Mapping) else None

    return attribute


def _not(held: _Worth) -> _Worth:
    def negated(facts: Facts) -> bool | None:
        value = held(facts)
        return True if value is False else False if value is True else None

    return negated


def _either(left: _Worth, right: _Worth, *, decisive: bool) -> _Worth:
    """``&&`` (false is decisive) and ``||`` (true is)."""

    other = not decisive

    def joined(facts: Facts) -> bool | None:
        one: bool | None = left(facts)
        if one is decisive:
            return decisive
        two: bool | None = right(facts)
        if two is decisive:
            return decisive
        return other if one is other and two is other else None

    return joined


def _same(left: _Worth, right: _Worth) -> _Worth:
    def same(facts: Facts) -> bool | None:
        one, other = left(facts), right(facts)
        kind = type(one)
        if kind is not type(other) or kind not in _SCALARS:  # 1 is no true, as Cedar sees it
            return None
        return bool(one == other)

    return same


def _compared(compare: Callable[[Any, Any], bool], left: _Worth, right: _Worth) -> _Worth:
    def compared(facts: Facts) -> bool | None:
        one, other = left(facts), right(facts)
        return bool(compare(one, other)) if type(one) is int and type(other) is int else None

    return compared


def _one_of(members: Iterable[Any], right: _Worth) -> _Worth:
    words = _set_of(list(members))
    return _contains(lambda _facts: words, right)


def _contains(left: _Worth, right: _Worth) -> _Worth:
    def contains(facts: Facts) -> bool | None:
        members, one = left(facts), right(facts)
        return one in members if type(members) is frozenset and type(one) is str else None

    return contains


def _is_empty(held: _Worth) -> _Worth:
    def empty(facts: Facts) -> bool | None:
        members = held(facts)
        return not members if type(members) is frozenset else None

    return empty
