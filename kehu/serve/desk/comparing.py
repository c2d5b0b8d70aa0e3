"""Two customers side by side, as the review of linkage shows them: masked, and only whether a value is the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as part
from typing import Final

from kehu.guard.gate.actor import Actor
from kehu.guard.gate.read import PROFILE_KINDS, Opened, gate
from kehu.guard.installation import installation
from kehu.refine.resolve.review import Proposal
from kehu.refine.survive import survive, text_of
from kehu.serve.desk.standing import Standing, standing_of

_COMPARED: Final = (
    "full_name", "legal_name", "birth_date", "gender", "phone", "email", "address", "street", "locality", "region",
    "postal_code", "national_id", "registration_number", "occupation",
)  # fmt: skip
SAME, DIFFERENT, MISSING = "same", "different", "missing"


@dataclass(frozen=True, slots=True)
class Line:
    """One field of both sides: masked texts, and whether the values are the same, differ, or one is missing."""

    field: str
    older: str = part(repr=False)
    younger: str = part(repr=False)
    verdict: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A proposal with both sides, as far as the purpose shows them."""

    proposal: Proposal
    older: Standing
    younger: Standing
    lines: tuple[Line, ...]


def compare(proposals: Sequence[Proposal], *, actor: Actor, purpose: str) -> list[Pair]:
    """Both sides of each proposal; pairs of whom one side may not be opened are left out."""
    least = installation().rules.purposes[purpose].least
    fields = [name for name in _COMPARED if name in least]
    wanted = sorted({side for one in proposals for side in (one.older, one.younger)})
    if not wanted or not fields:
        return []
    opened = gate().open(wanted, actor=actor, purpose=purpose, fields=fields, use="review", kinds=PROFILE_KINDS)
    by_customer = {one.customer: _values(one) for one in opened if one.decision.finds}
    standing = standing_of(by_customer)
    pairs = []
    for one in proposals:
        left, right = by_customer.get(one.older), by_customer.get(one.younger)
        if left is not None and right is not None:
            lines = tuple(_line(name, left, right) for name in fields if name in left or name in right)
            pairs.append(Pair(one, standing[one.older], standing[one.younger], lines))
    return pairs


def _values(opened: Opened) -> dict[str, tuple[str, str]]:
    """Field to (value to compare by, its mask); of what came masked only the mask is known."""
    dictionary = installation().rules.dictionary
    found = {}
    for name, won in survive(opened.contributions).items():
        text = text_of(won.said, dictionary.field(name).type)
        masked = won.said.answer == "masked"
        found[name] = ("" if masked else won.said.normal or text, text if masked else dictionary.mask(name, text))
    return found


def _line(name: str, left: Mapping[str, tuple[str, str]], right: Mapping[str, tuple[str, str]]) -> Line:
    (one, one_mask), (other, other_mask) = left.get(name, ("", "")), right.get(name, ("", ""))
    verdict = MISSING if not one or not other else SAME if one == other else DIFFERENT
    return Line(name, one_mask, other_mask, verdict)
