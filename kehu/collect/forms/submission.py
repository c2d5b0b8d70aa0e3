"""What a visitor sends by a form: checked, reduced to what they allowed, then kept until confirmed or handed to its channel.

The same for a page, a snippet within another's page, and an app. What rests on a consent that was not given is not kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final, Literal
from uuid import UUID

import orjson
import polars as pl

from kehu.collect.forms.ages import age_asked
from kehu.collect.forms.answers import answers_of
from kehu.collect.forms.definition import MARKETING, addresses_of, rests_on_consent
from kehu.collect.forms.showing import Shown
from kehu.collect.forms.stamps import OtherVersion, StampRefused, read_invitation, read_stamp
from kehu.collect.forms.tries import count_try
from kehu.collect.forms.waiting import hand_on, put
from kehu.guard.installation import installation
from kehu.refine.clean import INVALID, clean
from kehu.refine.clean.emails import normal_email

LONGEST: Final = 2_000
"""Characters of one answer."""
RELATIONS: Final = ("parent", "guardian", "foster-parent", "court-appointed")
YOUNGEST: Final = "under13"
"""The band of who says they are too young and gives no birth date: the strictest."""
State = Literal["kept", "confirm", "guardian", "nothing"]


class StampNeeded(ValueError):
    """Sent without a form's stamp, or with one that does not count: show it again, and have it sent once more."""


class FormChanged(StampNeeded):
    """Filled in as it was before it was changed: what was ticked stood beside other words."""


class Wrong(ValueError):
    """Answers that cannot be taken; ``faults``: by input, a word for each. Never a value."""

    def __init__(self, found: Mapping[str, str]) -> None:
        super().__init__(", ".join(found))
        self.faults = dict(found)


@dataclass(frozen=True, slots=True)
class Sent:
    """What came. Nothing in it is believed; ``trap`` is an input that no person sees.

    ``age``: ``older`` or ``younger`` than ``age_of`` years, as the page asked; 0: than the form asks of everybody.
    """

    fields: Mapping[str, str] = field(repr=False)
    consents: frozenset[str]
    letters: frozenset[str]
    language: str
    client: str = field(repr=False)
    stamp: str = ""
    age: str = ""
    age_of: int = 0
    guardian: Mapping[str, str] = field(default_factory=dict, repr=False)
    answers: Mapping[str, str] = field(default_factory=dict, repr=False)
    invitation: str = field(default="", repr=False)
    trap: str = field(default="", repr=False)
    gpc: bool = False


def submit(shown: Shown, sent: Sent, *, address: str) -> State:
    """Take what came; on return it is durable, or there was nothing to keep. ``address``: of links, with a place ``{link}``.

    Raises:
        StampNeeded: it has to be sent once more, from the form.
        FormChanged: it has to be read once more, too.
        Wrong: something is missing or cannot be what it is meant to be.
        TooMany: too much from one place.
        InboxFull: too much waits already.
    """
    try:
        stamp = read_stamp(shown.id, shown.version.number, sent.stamp)
    except OtherVersion:
        raise FormChanged from None
    except StampRefused:
        raise StampNeeded from None
    reading = _Reading(shown, sent)
    message = reading.message(stamp)
    mailbox = reading.confirms
    may = count_try(sent.client, mailbox)
    if message is None:
        return "nothing"
    if mailbox is None:
        hand_on(shown, message)
        return "kept"
    if may:  # else as many letters as may be are in that mailbox: it is answered as always
        put(shown, message, to=mailbox, address=address)
    return "guardian" if message["guardian"] else "confirm"


class _Reading:
    """What came by one form."""

    def __init__(self, shown: Shown, sent: Sent) -> None:
        self._shown, self._sent, self._form = shown, sent, shown.definition
        self._faults: dict[str, str] = {}
        self._given = self._texts()
        self._letters = [one for one in self._form.letters if one in sent.letters]
        self._agreed = self._consents()
        self._born: date | None = None
        self.confirms: str | None = None

    def message(self, stamp: UUID) -> dict[str, Any] | None:
        """What goes on; None: nothing that anybody allowed us to keep. Its name is that of the stamp and of what was said: the
        same again is one, and who fills in a page anew that somebody else left open is another.

        Raises:
            Wrong: as :func:`submit`.
        """
        if self._sent.trap:
            self._faults["trap"] = "leave-empty"
        self._check_values()
        young = self._young()
        guardian = self._guardian() if young else None
        answers = answers_of(self._form.questions, self._sent.answers, self._faults)
        kept = {name: held for name, held in self._given.items() if self._may_keep(name)}
        told = bool(kept or answers)
        if told and self._form.confirmed and "email" in self._form.fields and "email" not in self._given:
            self._faults["email"] = "missing"
        if self._faults:
            raise Wrong(self._faults)
        if not told:
            return None
        if guardian is not None:
            self.confirms = guardian["email"]
        elif self._form.confirmed and "email" in self._given:
            self.confirms = normal_email(self._given["email"])
        said = {
            "values": kept, "consents": sorted(self._agreed), "letters": self._letters, "guardian": guardian,
            "answers": answers,
        }  # fmt: skip
        own = UUID(bytes=installation().tokens.content(stamp.bytes + orjson.dumps(said)))
        return said | {
            "own": str(own), "form": str(self._shown.id), "v": self._shown.version.number, "way": self._shown.name,
            "at": datetime.now(UTC).isoformat(), "language": self._sent.language, "country": self._form.country,
            "gpc": self._sent.gpc, "young": YOUNGEST if young and "birth_date" not in kept else "",
            "invited": self._invited(),
        }  # fmt: skip

    def _invited(self) -> str | None:
        """Whose answers these are; of an anonymous survey, or where nobody allowed it, that is not kept even for a moment."""
        grounds = [slug in self._agreed or not rests_on_consent(slug, self._form.packs) for slug in self._form.purposes]
        if self._form.anonymous or not self._sent.invitation or not any(grounds):
            return None
        found = read_invitation(self._shown.id, self._sent.invitation)
        return str(found) if found is not None else None

    def _texts(self) -> dict[str, str]:
        found = {}
        for name in self._form.fields:
            said = " ".join(self._sent.fields.get(name, "").replace("\0", "").split(" ")).strip()
            if len(said) > LONGEST:
                self._faults[name] = "too-long"
            elif said:
                found[name] = said
        return found

    def _consents(self) -> set[str]:
        """Purposes the visitor said yes to; a letter on a marketing topic is a yes to being written to about it."""
        agreed = {slug for slug in self._form.consents() if slug in self._sent.consents}
        if set(self._letters) & set(self._form.marketing_letters()):
            agreed.add(MARKETING)
        return agreed

    def _may_keep(self, name: str) -> bool:
        needing = self._form.needing(name)
        return any(slug in self._agreed or not rests_on_consent(slug, self._form.packs) for slug in needing)

    def _check_values(self) -> None:
        for name, required in self._form.fields.items():
            if (
                required and name not in self._given and self._may_keep(name)
            ):  # what would not be kept is required of nobody
                self._faults.setdefault(name, "missing")
        if self._given:
            dictionary = installation().rules.dictionary
            kinds = {name: dictionary.field(name).type for name in self._given}
            row = clean(pl.DataFrame(self._given), residence=self._form.country or None, columns=kinds)
            invalid = [name for name in self._given if row[f"{name}__s"][0] == INVALID]
            self._faults.update(dict.fromkeys(invalid, "invalid"))
            if "birth_date" in kinds and (born := row["birth_date__n"][0]) is not None:
                self._born = date.fromisoformat(born)  # as the record will have it, however it was written
        for letter in self._letters:
            if addresses_of(letter) not in self._given:
                self._faults.setdefault(addresses_of(letter), "needed-for-letter")

    def _young(self) -> bool:
        """Whether a guardian has to confirm: by the birth date, else by what they say where the form asks."""
        limit = age_asked(self._shown, self._given.get("country", ""))
        if limit == 0:
            return False
        if "birth_date" in self._given:
            return self._born is not None and _years(self._born, datetime.now(UTC).date()) < limit
        if not self._form.children:
            return False
        asked, younger = self._sent.age_of or limit, self._sent.age == "younger"
        if self._sent.age not in ("older", "younger"):
            self._faults["age"] = "missing"
        elif asked > limit if younger else asked < limit:  # another country was said than it was asked for
            self._faults["age"] = "asked-anew"
            return False
        return younger

    def _guardian(self) -> dict[str, str] | None:
        said = {name: str(self._sent.guardian.get(name, "")).strip()[:200] for name in ("name", "email", "relation")}
        mailbox = normal_email(said["email"])
        if not said["name"]:
            self._faults["guardian_name"] = "missing"
        if said["relation"] not in RELATIONS:
            self._faults["guardian_relation"] = "missing"
        if mailbox is None:
            self._faults["guardian_email"] = "invalid" if said["email"] else "missing"
        elif mailbox == normal_email(self._given.get("email", "")):
            self._faults["guardian_email"] = "childs-own"
        return None if mailbox is None else said | {"email": mailbox}


def _years(born: date, on: date) -> int:
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))
