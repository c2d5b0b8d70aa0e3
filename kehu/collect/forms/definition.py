"""What a form asks: its words, its purposes, the fields they need, and boxes that each stand for one thing alone.

A field may be asked only where a purpose of the form needs it (GDPR 5(1)(c), PIPL 6). What rests on a consent is never
required: without the box the answer is not kept. Nothing is ticked before a visitor ticks it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from kehu.collect.forms.questions import Question
from kehu.govern.dictionary import Field
from kehu.govern.laws import load_packs, packs_for
from kehu.govern.notices import Covered
from kehu.govern.purposes import Purpose
from kehu.govern.slugs import LANGUAGES, MEDIA
from kehu.govern.topics import load_topics
from kehu.guard.installation import installation

MARKETING: Final = "marketing"
LONGEST_TEXT: Final = 2_000
MOST_FIELDS, MOST_ORIGINS, MOST_QUESTIONS = 40, 20, 40
EVENT_FIELDS: Final = ("topic", "text")
"""Of an interaction, what a visitor may write: what it is about, and the message."""
TEXTS: Final = ("title", "intro", "thanks")
# control characters, but for lines and tabs, and what turns the direction of writing
_TURNS: Final = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]{1,200}(:\d{1,5})?")
_ADDRESSES: Final = {"email": "email", "sms": "phone", "phone": "phone", "wechat": "wechat_id", "post": "address"}
_SENSITIVE: Final = 4
_OWN_AGE: Final = ("guardian", "own-consent")  # rules of a pack below whose age nobody consents alone


class Fault(ValueError):
    """Why a form cannot be as it is: a word for it, and what it is about (a field, a purpose, a language…)."""

    def __init__(self, code: str, about: str = "", needed: Sequence[str] = ()) -> None:
        super().__init__(f"{code} {about}".strip())
        self.code = code
        self.about = about
        self.needed = tuple(needed)


@dataclass(frozen=True, slots=True)
class Definition:
    """A form.

    Attributes:
        texts: ``title``, ``intro`` and ``thanks``, each by language.
        purposes: what the answers are for.
        wordings: of each purpose that rests on consent its box's words by language.
        fields: names of the dictionary in their order, each with whether it must be answered.
        letters: ``medium:topic`` that one may subscribe to, a box each.
        notice: name of the notice that is shown.
        controller: the company that asks.
        country: where it asks, for the law; empty: anywhere, as where a field asks in which country one lives.
        origins: addresses of pages that may show the form within theirs.
        confirmed: whether a mailbox has to confirm before anything is kept as a record.
        children: whether children may come, so that the age is asked.
        questions: of a survey.
        anonymous: whether a survey's answers are kept without whose they are.
    """

    texts: Mapping[str, Mapping[str, str]]
    purposes: tuple[str, ...]
    wordings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    fields: Mapping[str, bool] = field(default_factory=dict)
    letters: tuple[str, ...] = ()
    notice: str = "privacy"
    controller: str = ""
    country: str = ""
    origins: tuple[str, ...] = ()
    confirmed: bool = True
    children: bool = False
    questions: tuple[Question, ...] = ()
    anonymous: bool = False

    def text(self, part: str, language: str) -> str:
        """Its title, introduction or thanks; English for any other language."""
        held = self.texts.get(part, {})
        return held.get(language) or held.get("en", "")

    def wording(self, purpose: str, language: str) -> str:
        """The words of a consent's box; the purpose's own name where a law began to want the box after it was published."""
        held = self.wordings.get(purpose, {})
        return held.get(language) or held.get("en") or installation().rules.purposes[purpose].label(language)

    def pack(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "texts": {part: dict(held) for part, held in self.texts.items()}, "purposes": list(self.purposes),
            "wordings": {slug: dict(held) for slug, held in self.wordings.items()},
            "fields": [[name, required] for name, required in self.fields.items()],  # a database's JSON keeps no order of keys
            "letters": list(self.letters), "notice": self.notice, "controller": self.controller, "country": self.country,
            "origins": list(self.origins), "confirmed": self.confirmed, "children": self.children,
            "questions": [one.pack() for one in self.questions], "anonymous": self.anonymous,
        }  # fmt: skip

    @classmethod
    def unpack(cls, held: Mapping[str, Any]) -> Definition:
        """From :meth:`pack`."""
        return cls(
            texts=held["texts"], purposes=tuple(held["purposes"]), wordings=held["wordings"],
            fields=dict(held["fields"]),
            letters=tuple(held["letters"]), notice=held["notice"], controller=held["controller"], country=held["country"],
            origins=tuple(held["origins"]), confirmed=held["confirmed"], children=held["children"],
            questions=tuple(Question.unpack(one) for one in held["questions"]), anonymous=held["anonymous"],
        )  # fmt: skip

    @property
    def packs(self) -> frozenset[str]:
        """The laws of where it asks; all of them where whoever answers may live anywhere, and says so in an answer."""
        return packs_for(None if "country" in self.fields else self.country)

    def consents(self) -> tuple[str, ...]:
        """Purposes with a box of their own. Letters are their own boxes: who wants one lets us write it."""
        asked = [slug for slug in self.purposes if rests_on_consent(slug, self.packs)]
        return tuple(slug for slug in asked if not (slug == MARKETING and self.marketing_letters()))

    def marketing_letters(self) -> tuple[str, ...]:
        """Letters on marketing topics."""
        topics = load_topics()
        return tuple(one for one in self.letters if topics[one.partition(":")[2]].kind == MARKETING)

    def needing(self, name: str) -> tuple[str, ...]:
        """The form's purposes that need a field, as they stand now."""
        held = installation().rules.purposes
        return tuple(slug for slug in self.purposes if name in held[slug].least)

    def own_age(self) -> int:
        """Years below which a guardian consents under its laws; 0: none of them says so."""
        return own_age(self.packs)


def own_age(packs: frozenset[str]) -> int:
    """Years below which a guardian consents under any of these laws; 0: none of them says so."""
    held = load_packs()
    return max((rule.below for pack in packs for rule in held[pack].ages if rule.id in _OWN_AGE), default=0)


def rests_on_consent(slug: str, packs: frozenset[str]) -> bool:
    """Whether a purpose rests on consent under any of these laws."""
    grounds = installation().rules.purposes[slug].grounds
    return "consent" in {grounds[pack] for pack in packs or {"house"}}


def addresses_of(letter: str) -> str:
    """The field that a letter of that medium needs."""
    return _ADDRESSES[letter.partition(":")[0]]


def askable() -> list[Field]:
    """Fields that a form may hold: what is sensitive needs a consent of its own, which no form takes."""
    return [one for one in installation().rules.dictionary.fields.values() if _may_ask(one)]


def _may_ask(held: Field) -> bool:
    if held.event:
        return held.name in EVENT_FIELDS
    return held.level < _SENSITIVE and held.name != "external_id"


def faults(form: Definition, covers: Mapping[str, Covered]) -> Iterator[Fault]:
    """Everything that is wrong with a form; ``covers``: what its notice tells of."""
    unknown = list(_unknown(form))
    if unknown:
        yield from unknown
        return
    for language in LANGUAGES:
        if not form.texts.get("title", {}).get(language, "").strip():
            yield Fault("title-missing", language)
    if any(len(said) > LONGEST_TEXT for part in TEXTS for said in form.texts.get(part, {}).values()):
        yield Fault("text-too-long")
    said = [*(form.texts.get(part, {}) for part in TEXTS), *form.wordings.values()]
    for language in LANGUAGES:
        if any(_TURNS.search(held.get(language, "")) for held in said):
            yield Fault("text-turns", language)
    yield from _of_purposes(form, covers)
    yield from _of_fields(form, covers)
    yield from _of_letters(form)
    for origin in form.origins:
        if not _ORIGIN.fullmatch(origin):
            yield Fault("origin-not-understood", origin)
    if len(form.fields) > MOST_FIELDS or len(form.origins) > MOST_ORIGINS or len(form.questions) > MOST_QUESTIONS:
        yield Fault("too-much")
    for number, question in enumerate(form.questions, start=1):
        if (why := question.fault()) is not None:
            yield Fault(why, str(number))
        if any(_TURNS.search(text) for held in (question.words, *question.options) for text in held.values()):
            yield Fault("question-turns", str(number))


def choosable() -> list[Purpose]:
    """Purposes that a form may have: a legal duty needs any field some day, and asks nobody for it in a form."""
    return [one for one in installation().rules.purposes.values() if one.kind != "legal_duty"]


def known(form: Definition) -> Definition:
    """Without the purposes and letters that there are not, or not any more."""
    wrong = {fault.about for fault in _unknown(form)}
    purposes, letters = (tuple(one for one in held if one not in wrong) for held in (form.purposes, form.letters))
    return replace(form, purposes=purposes, letters=letters)


def _unknown(form: Definition) -> Iterator[Fault]:
    known, topics = {one.slug for one in choosable()}, load_topics()
    for slug in form.purposes:
        if slug not in known:
            yield Fault("purpose-unknown", slug)
    for letter in form.letters:
        medium, _, topic = letter.partition(":")
        if medium not in MEDIA or topic not in topics:
            yield Fault("letter-unknown", letter)


def _of_purposes(form: Definition, covers: Mapping[str, Covered]) -> Iterator[Fault]:
    held = installation().rules.purposes
    if not form.purposes:
        yield Fault("purpose-missing")
    for slug in form.purposes:
        if slug not in covers or covers[slug].version < held[slug].version:
            yield Fault("notice-silent", slug)
    for slug in form.consents():
        said = form.wordings.get(slug, {})
        if not all(said.get(language, "").strip() for language in LANGUAGES):
            yield Fault("wording-missing", slug)


def _of_fields(form: Definition, covers: Mapping[str, Covered]) -> Iterator[Fault]:
    known = installation().rules.dictionary.fields
    for name, required in form.fields.items():
        if name not in known:
            yield Fault("field-unknown", name)
            continue
        if not _may_ask(known[name]):
            yield Fault("field-sensitive" if known[name].level >= _SENSITIVE else "field-not-asked", name)
            continue
        needing = form.needing(name)
        if not needing:
            yield Fault("field-not-needed", name, [one.slug for one in choosable() if name in one.least])
            continue
        told = [slug for slug in needing if slug in covers and name in covers[slug].fields]
        if not told:
            yield Fault("field-not-told", name)
        alone = all(rests_on_consent(slug, form.packs) for slug in needing)
        if required and alone and not (name == "email" and form.confirmed):
            yield Fault("field-required-optional", name)


def _of_letters(form: Definition) -> Iterator[Fault]:
    for letter in form.letters:
        if addresses_of(letter) not in form.fields:
            yield Fault("letter-needs-field", addresses_of(letter))
    if not form.confirmed and any(addresses_of(letter) == "email" for letter in form.letters):
        yield Fault("letter-needs-confirmed")
    if form.marketing_letters() and MARKETING not in form.purposes:
        yield Fault("letter-needs-marketing")
    if form.confirmed and "email" not in form.fields and not form.questions:
        yield Fault("confirmed-needs-email")
