"""Words for what the system knows by a code: values of the dictionary, departments, reasons, articles of the house."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, cast

from django.utils.functional import Promise, lazy
from django.utils.translation import get_language, get_language_info, gettext_lazy
from django.utils.translation import gettext as _

from kehu.govern.packs import PACKS, law_packs
from kehu.govern.slugs import LANGUAGES
from kehu.govern.sources import Mark
from kehu.guard.installation import installation


def spoken() -> str:
    """The reader's language, as rules and dictionary name it."""
    current = (get_language() or "").lower()
    return current if current in LANGUAGES else "en"


def gap() -> str:
    """What stands between two sentences of the reader's language: Chinese ones end in their own space."""
    return " " if spoken() == "en" else ""


def joined(*sentences: str | None) -> str:
    """Sentences in a row, those left out that say nothing."""
    return gap().join(filter(None, sentences))


def lazystr_of(words: Callable[[str], str], code: str) -> Promise:
    """Words that are looked up each time they are shown, in the reader's language."""
    return cast(Promise, lazy(words, str)(code))


def notice_label(name: str) -> str:
    """What a notice is called."""
    return _("Privacy notice") if name == "privacy" else name


def notice_version(text: str) -> str:
    """A version of a notice, written ``privacy@2``, as people say it; anything else stands as it is."""
    name, at, version = text.partition("@")
    return _("%(notice)s, version %(n)s") % {"notice": notice_label(name), "n": version} if at else text


def _place(pack: str) -> str:
    return law_packs()[pack].place[spoken()]


LAW_LABELS: Final[Mapping[str, Promise]] = {pack: lazystr_of(_place, pack) for pack in PACKS}
"""Law packs by the country or union they are of."""
_GENDERS: Final = {
    "female": gettext_lazy("female"),
    "male": gettext_lazy("male"),
    "other": gettext_lazy("other"),
    "unknown": gettext_lazy("unknown"),
}
# ways of a contact as many systems write them; what a house calls otherwise stays as it was given
_CONTACTS: Final = {
    "call": gettext_lazy("Call"),
    "chat": gettext_lazy("Chat"),
    "email": gettext_lazy("Mail"),
    "email-automatic": gettext_lazy("Automatic mail"),
    "letter": gettext_lazy("Letter"),
    "phone": gettext_lazy("Call"),
    "sms": gettext_lazy("Text message"),
    "visit": gettext_lazy("Visit"),
}
# departments as many houses call them
_DEPARTMENTS: Final = {
    "management": gettext_lazy("Management"),
    "marketing": gettext_lazy("Marketing"),
    "service": gettext_lazy("Customer service"),
    "service-desk": gettext_lazy("Service desk"),
    "manager": gettext_lazy("Management"),
    "analyst": gettext_lazy("Analysis"),
    "analysis": gettext_lazy("Analysis"),
    "engineer": gettext_lazy("Engineering"),
    "engineering": gettext_lazy("Engineering"),
    "privacy": gettext_lazy("Privacy office"),
    "privacy-office": gettext_lazy("Privacy office"),
    "legal": gettext_lazy("Legal affairs"),
    "legal-affairs": gettext_lazy("Legal affairs"),
    "auditor": gettext_lazy("Audit"),
    "audit": gettext_lazy("Audit"),
    "owner": gettext_lazy("Owner"),
    "customer": gettext_lazy("At their own door"),
}
# the channels that every installation begins with
_CHANNELS: Final = {
    "store": gettext_lazy("Store"),
    "shop": gettext_lazy("Online shop"),
    "form": gettext_lazy("Form"),
    "file": gettext_lazy("File"),
    "phone": gettext_lazy("Telephone"),
    "third-party": gettext_lazy("Third party"),
    "public": gettext_lazy("Public source"),
    "counter": gettext_lazy("Counter"),
}
_REASONS: Final = {
    "too_many_cells": gettext_lazy("too many cells"),
    "too_few_cells": gettext_lazy("too few cells"),
    "bad_encoding": gettext_lazy("wrong encoding"),
    "unclosed_quote": gettext_lazy("quotation mark not closed"),
    "too_long": gettext_lazy("too long"),
    "bad_json": gettext_lazy("not valid JSON"),
    "bad_card": gettext_lazy("not a valid card"),
    "no_usable_value": gettext_lazy("nothing that can be used"),
    "erased": gettext_lazy("erased before"),
    "invalid_value": gettext_lazy("not a valid value"),
    "consent_not_widened": gettext_lazy("an earlier statement is stricter"),
    "message_not_an_object": gettext_lazy("not an object"),
    "message_too_large": gettext_lazy("message too large"),
    "message_too_deep": gettext_lazy("message nested too deep"),
    "message_no_call": gettext_lazy("no known type of message"),
    "message_names_nobody": gettext_lazy("message names nobody"),
    "message_no_event": gettext_lazy("event without a name"),
    "message_no_group": gettext_lazy("group without an id"),
    "message_no_alias": gettext_lazy("alias without both ids"),
    "message_not_taken_in": gettext_lazy("could not be taken in"),
    "message_does_not_open": gettext_lazy("cannot be opened any more"),
    "message_too_old": gettext_lazy("sent too long ago"),
    "message_unknown_topic": gettext_lazy("topic nobody takes"),
    "message_other_topic": gettext_lazy("body of another topic"),
    "message_no_customer": gettext_lazy("message without a customer"),
    "message_no_order": gettext_lazy("message without an order number"),
    "message_said_later": gettext_lazy("something else was said later"),
    "message_suppressed": gettext_lazy("address is suppressed"),
    "source_consent_missing": gettext_lazy("no proof of the consent with the source"),
    "source_consent_other": gettext_lazy("the consent with the source does not cover it"),
    "public_unproven": gettext_lazy("no proof of where it was public"),
}
_HOUSE_RULE: Final = "House rule "
# laws that the packs cite by an English name; those known by their letters (PIPL, GDPR) are so everywhere
_LAWS: Final = {
    "CN Advertising Law": gettext_lazy("CN Advertising Law"),
    "CN E-commerce Law": gettext_lazy("CN E-commerce Law"),
    "CN Network Data Regulations": gettext_lazy("CN Network Data Regulations"),
    "CN Regulation on minors online": gettext_lazy("CN Regulation on minors online"),
    "CN app findings 2019": gettext_lazy("CN app findings 2019"),
    "CN audit measures": gettext_lazy("CN audit measures"),
    "CN export rules 2024-03-22": gettext_lazy("CN export rules 2024-03-22"),
    "CN incident measures": gettext_lazy("CN incident measures"),
    "CN minors regulation": gettext_lazy("CN minors regulation"),
    "Civil Code": gettext_lazy("Civil Code"),
    "Cybersecurity Law": gettext_lazy("Cybersecurity Law"),
}
# the name every installation begins with: it says nothing to anybody outside
_FIRST_CONTROLLER: Final = "main"


def value_text(name: str, text: str) -> str:
    """A value of a field as the reader says it: genders and languages have words, everything else stands as it is."""
    if not text:
        return text
    held = installation().rules.dictionary.field(name)
    if held.type == "gender":
        return _word(_GENDERS, text)
    return language_name(text) if held.type == "language" else text


def language_name(tag: str) -> str:
    """A language by its tag, in the reader's language; the tag where nobody has translated its name."""
    try:
        return str(get_language_info(tag.lower())["name_translated"])
    except KeyError:
        return tag


def contact_word(kind: str) -> str:
    """The way of a contact."""
    return _word(_CONTACTS, kind)


def department_label(slug: str) -> str:
    """A department by its slug; one of the house's own stands as the house wrote it."""
    return _word(_DEPARTMENTS, slug)


def human_label(human: str, department: str | None) -> str:
    """Whom a row of the ledger names: an account by its address, or a customer, of whom it holds a visit's id alone."""
    return _("A customer") if department == "customer" else human.removesuffix("@home")


def channel_label(name: str) -> str:
    """A channel by its name; one that the house has named stands as it wrote it."""
    return _word(_CHANNELS, name)


def reason_label(reason: str) -> str:
    """Why a row or value waits in quarantine; a policy stands for itself."""
    return _word(_REASONS, reason)


def article_label(article: str) -> str:
    """An article as the reader's language writes it: the house's own rules are numbered in it, laws have their name."""
    if article.startswith(_HOUSE_RULE):
        return _("House rule %(number)s") % {"number": article.removeprefix(_HOUSE_RULE)}
    law = next((one for one in _LAWS if article.startswith(one)), "")
    return str(_LAWS[law]) + article.removeprefix(law) if law else article


@dataclass(frozen=True, slots=True)
class SourceMark:
    """That something came from a source and not from the customer: tone, icon and words, the same on every page."""

    tone: str
    icon: str
    text: str


def source_mark(mark: Mark) -> SourceMark:
    """The mark of a source in the reader's language."""
    named = {"party": mark.party}
    if mark.kind == "public":
        text = _("public: %(party)s") % named if mark.party else _("public, source not registered")
        return SourceMark("azurite", "landmark", text)
    text = _("bought: %(party)s") % named if mark.party else _("bought, source not registered")
    return SourceMark("gamboge", "package", text)


def house_label(name: str) -> str:
    """Whose installation this is; until somebody has named it, it is called so."""
    return _("This organisation") if name in ("", _FIRST_CONTROLLER) else name


def _word(words: Mapping[str, Promise], code: str) -> str:
    found = words.get(code)
    return code if found is None else str(found)
