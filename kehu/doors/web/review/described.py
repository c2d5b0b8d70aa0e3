"""A pair as its template shows it: lines with marks, evidence as a waterfall, consents and sources in brief."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from django.utils.translation import gettext as _

from kehu.doors.web.pages import day_of, field_label, language
from kehu.doors.web.record import basis_label
from kehu.doors.web.review import charts, words
from kehu.doors.web.words import value_text
from kehu.guard.installation import installation
from kehu.serve.desk.comparing import FIELDS_OF, Line, Pair, Piece, Side
from kehu.serve.desk.record import Source
from kehu.serve.desk.standing import Standing

_SHOWN: Final = ("on", "off", "limit", "none")
_TOLD_FROM: Final = 0.05  # bits: less is rounding


def pair(held: Pair) -> dict[str, Any]:
    """Everything of a question but its form."""
    lines = [_line(one) for one in held.lines]
    return {
        "sides": [_side(held.older, *held.sources[0]), _side(held.younger, *held.sources[1])],
        "lines": lines,
        "counts": Counter(one["verdict"] for one in lines),
        "unseen": _(", ").join(field_label(name) for name in held.unseen),
        "unseen_why": installation().rules.policies.text(held.policy, language()),
        "fall": _fall(held),
        "doubts": [words.doubt(name) for name in held.explained.doubts] if held.explained else [],
        "seq": held.seq,
    }


def two(found: Any) -> dict[str, Any]:
    """Two customers to look at: fields alone."""
    (older, younger), lines, _unseen, seq = found
    shown = [_line(one) for one in lines]
    return {"sides": [_side(older, [], 0), _side(younger, [], 0)], "lines": shown, "seq": seq}


def _line(one: Line) -> dict[str, Any]:
    return {
        "label": field_label(one.field), "verdict": one.verdict,
        "sides": [_value(one.field, one.older), _value(one.field, one.younger)],
    }  # fmt: skip


def _value(field: str, side: Side) -> dict[str, Any]:
    pieces: tuple[Piece, ...] = side.pieces
    if side.answer == "clear" and pieces:
        whole = "".join(piece for piece, _same in pieces)
        if (said := value_text(field, whole)) != whole:  # a word stands for it: its letters are not compared
            pieces = ((said, all(same for _piece, same in pieces)),)
    why = installation().rules.policies.text(side.policy, language()) if side.answer == "denied" else None
    return {"answer": side.answer, "pieces": pieces, "text": side.text, "policy": side.policy, "why": why}


def _side(standing: Standing, sources: list[Source], count: int) -> dict[str, Any]:
    consents = Counter(standing.consents.values())
    return {
        "customer": standing.customer,
        "origins": standing.origins,
        "consents": [(state, consents[state]) for state in _SHOWN if consents[state]],
        "sources": [
            {"channel": one.channel, "came": day_of(one.came_at), "basis": basis_label(one.basis)} for one in sources
        ],
        "more": max(0, count - len(sources)),
        "limited": standing.restricted or standing.held or standing.deceased,
    }


def _fall(held: Pair) -> list[dict[str, Any]]:
    """The waterfall from what is expected of any two to the weight: each step in words, with its bar."""
    found = held.explained
    if found is None:
        return []
    steps = [(_("Any two records"), _("before anything is known"), found.prior)]
    folded = 0.0
    for one in found.degrees:
        fields = FIELDS_OF.get(one.comparison, (one.comparison,))
        if any(name in held.withheld for name in fields):  # of whichever of them it was read
            folded += one.bits
        else:
            said = f"{words.aspect(one.comparison)}: {words.degree(one.label)}"
            steps.append((said, words.chance(one.chance) if one.bits > 0 else "", one.bits))
    if folded:  # it would tell of addresses that may be among what is folded
        folded += found.moved
    elif found.moved:
        steps.append(
            (_("Two addresses, taken together"), _("street, number, flat and town change at once"), found.moved)
        )
    if found.capped:
        steps.append((*words.shared(held.proposal.kind), found.capped))
    if folded:
        steps.append((_("What you may not see"), _("told in sum alone"), folded))
    weight = held.proposal.weight
    if weight is not None and abs(weight - found.bits) > _TOLD_FROM:
        steps.append((_("What the run saw besides"), _rest(found.doubts), weight - found.bits))
    return charts.waterfall(steps, total=_("Weight"))


def _rest(doubts: tuple[str, ...]) -> str:
    if "household" in doubts:
        return _("rare values, and the cap on what a household shares")
    return _("how rare the values are among all customers")
