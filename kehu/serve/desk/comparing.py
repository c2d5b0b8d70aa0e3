"""Two customers side by side, as the review of linkage shows them: values, what differs in them, and what speaks for one.

Values pass the gate for the purpose the reviewer claimed, as any read does. What speaks for or against one customer is
worked out as linkage does it, opened as linkage opens it, and told in degrees of agreement alone; of fields that the
reviewer may not see, only in sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as part
from difflib import SequenceMatcher
from typing import Final
from uuid import UUID

from kehu.guard.gate.actor import Actor
from kehu.guard.gate.decisions import BY_PERSON, FieldAnswer
from kehu.guard.gate.read import PROFILE_KINDS, Contribution, Opened, gate
from kehu.guard.installation import installation
from kehu.refine.models import Proposal as Row
from kehu.refine.resolve.evidence import Explained, explained
from kehu.refine.resolve.review.waiting import Proposal
from kehu.refine.survive import survive, text_of
from kehu.serve.desk.record import Source, sources_in_all, sources_of
from kehu.serve.desk.standing import Standing, standing_of

COMPARED: Final = (
    "full_name", "given_name", "second_given_name", "family_name", "legal_name", "birth_date", "gender", "phone", "email",
    "address", "street", "house_number", "unit", "postal_code", "locality", "region", "birth_place", "national_id",
    "registration_number", "occupation",
)  # fmt: skip
SAME, DIFFERENT, MISSING, HIDDEN = "same", "different", "missing", "hidden"
# Of a comparison of linkage: the fields that it is made of.
FIELDS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "name": ("full_name", "given_name", "family_name", "legal_name"), "second": ("second_given_name",),
    "birth": ("birth_date",), "postal": ("postal_code",), "addr": ("address", "street", "house_number"),
    "unit": ("address", "unit"), "estate": ("address",),
}  # fmt: skip
_NOT_NEEDED: Final = "house.purpose-least"
_MOST_SOURCES: Final = 4
_MOST_COMPARED: Final = 1_000_000  # pairs of characters: a tenth of a second; the time grows with them
Piece = tuple[str, bool]
"""A stretch of a value, and whether the other side has it, too."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side's value: how it came out, by which policy, and in pieces that tell what differs."""

    answer: str
    policy: str
    pieces: tuple[Piece, ...] = part(repr=False, default=())

    @property
    def text(self) -> str:
        """The value, or its mask."""
        return "".join(piece for piece, _ in self.pieces)


@dataclass(frozen=True, slots=True)
class Line:
    """One field of both sides, and whether the values are the same, differ, one is missing, or that may not be told."""

    field: str
    older: Side
    younger: Side
    verdict: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A question with both sides, as far as the purpose shows them.

    ``sources``: of each side the newest records, and how many there are. ``unseen``: fields the purpose does not need,
    with the policy that says so. ``seq``: the rows of the ledger.
    """

    proposal: Proposal
    older: Standing
    younger: Standing
    lines: tuple[Line, ...]
    unseen: tuple[str, ...]
    policy: str
    sources: tuple[tuple[list[Source], int], tuple[list[Source], int]]
    explained: Explained | None
    seq: int

    @property
    def withheld(self) -> frozenset[str]:
        """Fields of which this reader is told nothing, not even whether they agree."""
        shut = {one.field for one in self.lines if {"denied", "masked"} & {one.older.answer, one.younger.answer}}
        return frozenset(shut | {*self.unseen})


def compare(proposal: Proposal, *, actor: Actor, purpose: str) -> Pair | None:
    """Both sides of a question; None where the purpose may not open one of them.

    Raises:
        LedgerUnavailable: the ledger cannot be written, so nothing was opened.
    """
    found = compare_two(proposal.older, proposal.younger, actor=actor, purpose=purpose)
    if found is None:
        return None
    sides, lines, unseen, seq = found
    ends = Row.objects.filter(id=proposal.id).values_list("older", "younger").first()
    held = explained(*(ends or (proposal.older, proposal.younger)), actor=actor, act=proposal.id)
    sources = (_sources(proposal.older), _sources(proposal.younger))
    return Pair(proposal, sides[0], sides[1], lines, unseen, _NOT_NEEDED, sources, held, seq)


def may_compare(proposal: Proposal, *, actor: Actor, purpose: str) -> bool:
    """Whether the purpose may open both sides of a question: who says of two that they are one could have seen them.

    Nothing is opened, so no quota counts it; that it was asked stands in the ledger.
    """
    least = installation().rules.purposes[purpose].least
    fields, sides = [name for name in COMPARED if name in least], {proposal.older, proposal.younger}
    if not fields:
        return False
    opened = gate().open(
        sorted(sides), actor=actor, purpose=purpose, fields=fields, use="explain", kinds=(), event=BY_PERSON
    )
    return sides <= {one.customer for one in opened if one.decision.finds}


def compare_two(
    older: UUID, younger: UUID, *, actor: Actor, purpose: str, apart: bool = False
) -> tuple[tuple[Standing, Standing], tuple[Line, ...], tuple[str, ...], int] | None:
    """How both stand, their fields, those that are not needed, and the row of the ledger.

    ``apart``: two origin subjects by what their own records say, whether they are one customer by now or not.
    """
    least = installation().rules.purposes[purpose].least
    fields = [name for name in COMPARED if name in least]
    if not fields:
        return None
    opened = gate().open(
        [older, younger],
        actor=actor,
        purpose=purpose,
        fields=fields,
        use="review",
        kinds=PROFILE_KINDS,
        event=BY_PERSON,
    )
    whose = {origin: one for one in opened if one.decision.finds for origin in one.origins}
    if not {older, younger} <= whose.keys():
        return None
    left, right = whose[older], whose[younger]
    standing = standing_of([left.customer, right.customer])
    if not {left.customer, right.customer} <= standing.keys():
        return None
    said = (
        [one for one in held.contributions if not apart or one.subject == of]
        for of, held in ((older, left), (younger, right))
    )
    values = tuple(map(_values, said))
    lines = tuple(
        line for name in fields if (line := _line(name, (left, right), (values[0].get(name), values[1].get(name))))
    )
    unseen = tuple(name for name in COMPARED if name not in least and name in installation().rules.dictionary.fields)
    return (standing[left.customer], standing[right.customer]), lines, unseen, left.seq


Value = tuple[FieldAnswer, str, str]
"""How it came out, the text, and what is compared."""


def _values(said: Sequence[Contribution]) -> dict[str, Value]:
    dictionary = installation().rules.dictionary
    found = {}
    for name, won in survive(said).items():
        text = text_of(won.said, dictionary.field(name).type)
        answer = FieldAnswer(won.said.answer, won.said.policy)
        found[name] = (answer, text, "" if won.said.answer == "masked" else won.said.normal or text)
    return found


def _line(name: str, opened: tuple[Opened, Opened], held: tuple[Value | None, Value | None]) -> Line | None:
    """The field of both; None where neither has it and neither is denied it."""
    denied = [one.denied().get(name) for one in opened]
    if not any(held) and not any(denied):
        return None
    texts = [value[1] if value else "" for value in held]
    keys = [value[2] if value else "" for value in held]
    clear = all(value and value[0].answer == "clear" for value in held)
    if clear:
        pieces = _pieces(*texts) if keys[0] != keys[1] else (_whole(texts[0]), _whole(texts[1]))
    else:
        pieces = (_whole(texts[0]), _whole(texts[1]))
    if any(denied) or any(value and value[0].answer == "masked" for value in held):
        verdict = HIDDEN
    elif not all(keys):
        verdict = MISSING
    else:
        verdict = SAME if keys[0] == keys[1] else DIFFERENT
    sides = [
        Side(answer.answer, answer.policy, piece)
        for value, no, piece in zip(held, denied, pieces, strict=True)
        for answer in (no or (value[0] if value else FieldAnswer("", "")),)
    ]
    return Line(name, sides[0], sides[1], verdict)


def _whole(text: str) -> tuple[Piece, ...]:
    return ((text, True),) if text else ()


def _pieces(left: str, right: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Both texts cut where they differ, character by character; of very long ones all between how they begin and how they end."""
    if len(left) * len(right) > _MOST_COMPARED:
        return _ends(left, right)
    one, other = list[Piece](), list[Piece]()
    for tag, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if a < b:
            one.append((left[a:b], tag == "equal"))
        if c < d:
            other.append((right[c:d], tag == "equal"))
    return tuple(one), tuple(other)


def _ends(left: str, right: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    most = min(len(left), len(right))
    begin = next((at for at in range(most) if left[at] != right[at]), most)
    end = next((at for at in range(most - begin) if left[-1 - at] != right[-1 - at]), most - begin)

    def cut(text: str) -> tuple[Piece, ...]:
        upto = len(text) - end
        parts = (text[:begin], True), (text[begin:upto], False), (text[upto:], True)
        return tuple(one for one in parts if one[0])

    return cut(left), cut(right)


def _sources(customer: UUID) -> tuple[list[Source], int]:
    return sources_of(customer)[:_MOST_SOURCES], sources_in_all(customer)[0]
