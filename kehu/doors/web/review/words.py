"""Words of these pages: who is asked, degrees of agreement, what holds a pair back, and what has just been done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.doors.web.pages import field_label
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.desk.reviewing import name_of

Stage = tuple[str, str, str]
KEYS: Final = (
    ("y", gettext_lazy("one customer")),
    ("n", gettext_lazy("two customers")),
    ("u", gettext_lazy("unsure: somebody else is asked")),
    ("s", gettext_lazy("not sure of my answer, on or off")),
    ("j →", gettext_lazy("the next question, without an answer")),
    ("k ←", gettext_lazy("the question before")),
    ("z", gettext_lazy("take my last answer back")),
    ("q", gettext_lazy("back to the queue")),
    ("?", gettext_lazy("these keys")),
)
_BANDS: Final = {
    "two": gettext_lazy("rather two"),
    "even": gettext_lazy("hard to say"),
    "one": gettext_lazy("rather one"),
}
_STAGES: Final[Mapping[str, tuple[str, str, Promise]]] = {
    "open": ("", "circle", gettext_lazy("first answer")),
    "second": ("gamboge", "users", gettext_lazy("second answer")),
    "third": ("gamboge", "users", gettext_lazy("two disagree: third answer")),
    "privacy": ("wisteria", "scale", gettext_lazy("the privacy office settles it")),
}
_ASPECTS: Final = {
    "name": gettext_lazy("Name"), "second": "second_given_name", "birth": "birth_date", "postal": "postal_code", "addr": "address",
    "estate": gettext_lazy("Housing estate"),
}  # fmt: skip
_DEGREES: Final[Mapping[str, Promise]] = {
    "same name": gettext_lazy("the same"),
    "same words": gettext_lazy("the same words"),
    "same first and last": gettext_lazy("first and last name the same"),
    "same sound": gettext_lazy("sounds the same"),
    "swapped": gettext_lazy("first and last name swapped"),
    "family name last": gettext_lazy("the family name put last"),
    "spelt out": gettext_lazy("the same name in other letters"),
    "other script": gettext_lazy("in other letters, which may or may not spell it"),
    "other form of first, same last": gettext_lazy("another form of the first name"),
    "one character apart": gettext_lazy("one character apart"),
    "both near": gettext_lazy("both parts alike"),
    "whole near": gettext_lazy("alike as a whole"),
    "two words": gettext_lazy("two words in common"),
    "same last": gettext_lazy("last name the same"),
    "given name alone": gettext_lazy("first name the same, of one no last name known"),
    "last near": gettext_lazy("last name alike"),
    "same first": gettext_lazy("first name the same"),
    "first near": gettext_lazy("first name alike"),
    "same second name": gettext_lazy("the same"),
    "second initial": gettext_lazy("one is the other's initial"),
    "second near": gettext_lazy("alike"),
    "same day": gettext_lazy("the same"),
    "day and month swapped": gettext_lazy("day and month swapped"),
    "same year": gettext_lazy("the same year"),
    "two years": gettext_lazy("at most two years apart"),
    "same postcode": gettext_lazy("the same"),
    "same sector": gettext_lazy("the same district"),
    "same mailbox name": gettext_lazy("the same before the @"),
    "same last eight digits": gettext_lazy("the last eight digits the same"),
    "one typing error": gettext_lazy("one typing error apart"),
    "two typing errors": gettext_lazy("two typing errors apart"),
    "near": gettext_lazy("alike"),
    "beginning": gettext_lazy("begins the same"),
    "similar": gettext_lazy("somewhat alike"),
    "other": gettext_lazy("differs"),
}
_DOUBTS: Final[Mapping[str, Promise]] = {
    "branches differ": gettext_lazy("A head office and a branch of it, or two branches."),
    "ordinals differ": gettext_lazy(
        "One name has a number that the other has not: perhaps the first and second of a kind."
    ),
    "legal forms differ": gettext_lazy(
        "The names state another legal form, or only one of them a group or a holding: perhaps parent and daughter."
    ),
    "numbers differ": gettext_lazy("Two valid numbers that differ: nobody has two."),
    "generations differ": gettext_lazy("One is a junior, the other a senior."),
    "genders differ": gettext_lazy("Gender and first name both differ."),
    "birth dates differ": gettext_lazy("The birth dates differ by more than typing errors."),
    "given names differ": gettext_lazy("The first names differ by more than typing errors."),
    "other characters": gettext_lazy("The first names sound alike and are written in other characters: perhaps twins."),
    "household": gettext_lazy(
        "Only what a household shares agrees (surname, address, phone, mailbox): that never joins by itself."
    ),
    "too little": gettext_lazy("What agrees is not of a kind that joins by itself, whatever its weight."),
}
_DONE: Final[Mapping[str, tuple[str, Promise]]] = {
    "accepted": ("malachite", gettext_lazy("Joined: they are one customer now. z takes it back.")),
    "rejected": ("malachite", gettext_lazy("Kept apart: they are never asked about again. z takes it back.")),
    "second": ("azurite", gettext_lazy("Kept: a second person is asked.")),
    "third": ("azurite", gettext_lazy("Kept: a third person is asked.")),
    "privacy": ("azurite", gettext_lazy("Kept: the privacy office settles it.")),
    "settled": ("", gettext_lazy("This question had settled itself meanwhile.")),
    "must-decide": ("gamboge", gettext_lazy("Others were unsure already: this answer is a yes or a no.")),
    "may-not": (
        "cinnabar",
        gettext_lazy("Not joined: one objects to linkage or is restricted, or was found to be somebody else before."),
    ),
    "taken-back": ("azurite", gettext_lazy("Taken back: all is as it was before. Here is the question again.")),
    "taken-back-incident": (
        "gamboge",
        gettext_lazy("Taken back. Somebody had been shown both as one meanwhile: an incident is open."),
    ),
    "settled-since": (
        "",
        gettext_lazy(
            "Nothing is taken back: what you answered last was settled otherwise meanwhile. A merge is undone on its page."
        ),
    ),
    "nothing-to-take-back": ("", gettext_lazy("There is no answer of yours of the last day to take back.")),
    "compared": ("malachite", gettext_lazy("Compared with what is in force.")),
    "adopted": ("malachite", gettext_lazy("In force: the next linkage weighs by it.")),
    "taught": ("malachite", gettext_lazy("A candidate is made of what people answered; compare it next.")),
    "nothing-learned": ("", gettext_lazy("The answers are too few, or say nothing that is not in force already.")),
    "not-compared": ("gamboge", gettext_lazy("Compare it with what is in force now first.")),
}


def tabs(desk: SignedIn) -> list[tuple[str, str, str]]:
    """Name, words and address of the pages of the review that this reader may open."""
    every = (
        ("queue", _("Queue"), "review", "review"),
        ("answers", _("What answers teach"), "review-answers", "weights"),
        ("weights", _("Weights"), "review-weights", "weights"),
    )
    return [(name, label, reverse(url)) for name, label, url, act in every if desk.may(act)]


def kind_label(kind: int) -> str:
    """Persons or organisations."""
    return _("Organisation") if kind == 2 else _("Person")


def band_label(band: str) -> str:
    """A band of weights."""
    return str(_BANDS[band])


def stage(state: str) -> Stage:
    """Tone, icon and word of who is asked."""
    tone, icon, word = _STAGES[state]
    return tone, icon, str(word)


def percent(probability: float) -> str:
    """A probability as people read it; nothing is quite sure."""
    if probability < 0.01:
        return "<1%"
    return ">99%" if probability > 0.99 else f"{100 * probability:.0f}%"


def bits(weight: float | None) -> str:
    """A weight with its sign; nothing where there is none."""
    if weight is None:
        return "—"
    return "0.0" if abs(weight) < 0.05 else f"{weight:+.1f}".replace("-", "\N{MINUS SIGN}")


def aspect(comparison: str) -> str:
    """What a comparison of linkage compares."""
    known = _ASPECTS.get(comparison, comparison)
    return field_label(known) if isinstance(known, str) else str(known)


_SHIPPED: Final = {
    "set": gettext_lazy("set, not learned"),
    "few-records": gettext_lazy("too few records"),
    "no-pairs": gettext_lazy("no pairs to learn from"),
    "few-matches": gettext_lazy("seen in too few matches"),
    "astray": gettext_lazy("what was learned contradicts itself"),
}


def shipped(why: str) -> str:
    """Why a comparison keeps the weights it was shipped with."""
    return str(_SHIPPED.get(why, why))


def degree(label: str) -> str:
    """A degree of agreement in words."""
    if label in _DEGREES:
        return str(_DEGREES[label])
    _column, _space, how = label.rpartition(" ")
    if label.startswith("same "):
        return _("the same")
    if how.startswith("-"):
        return _("one typing error apart") if how == "-1" else _("two typing errors apart")
    try:
        return _("very much alike") if float(how) > 0.9 else _("alike")
    except ValueError:
        return label


def chance(share: float) -> str:
    """How often records of two customers agree so."""
    if share >= 0.5:
        return _("as most pairs do")
    many = round(1 / share)
    digits = max(0, len(str(many)) - 2)
    return _("by chance in 1 of %(many)s pairs") % {"many": f"{round(many, -digits):,}"}


def shared(kind: int) -> tuple[str, str]:
    """What others have in common with a customer of this kind, and what is to be thought of it."""
    if kind == 2:
        return _("What companies at one address share, taken together"), _(
            "address, phone and mailbox never join by themselves"
        )
    return _("What a household shares, taken together"), _(
        "surname, address, phone and mailbox never join by themselves"
    )


def doubt(name: str) -> str:
    """What holds a pair back."""
    return str(_DOUBTS.get(name, name))


def told(code: str, by: str = "") -> dict[str, str] | None:
    """What has just been done: tone and words; None for an unknown code. ``by``: the id of a colleague."""
    if code in ("meanwhile", "answered-after"):
        who = name_of(UUID(by)) if _is_id(by) else "—"
        said = {
            "meanwhile": _("Answered meanwhile by %(who)s; your answer was not taken.") % {"who": who},
            "answered-after": _("Not taken back: %(who)s answered after you.") % {"who": who},
        }
        return {"tone": "gamboge", "words": said[code]}
    if code not in _DONE:
        return None
    tone, sentence = _DONE[code]
    return {"tone": tone, "words": str(sentence)}


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
