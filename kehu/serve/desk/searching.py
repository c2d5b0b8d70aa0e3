"""Searching by a value: an email, a phone number, a customer number, or part of a name in either script or pinyin.

The text is turned into blind-index tokens; nobody learns more from a search than the gate lets them find.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import connection, transaction

from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.read import gate
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.refine.clean import lookup_keys
from kehu.refine.clean.keys import SearchKeys, pinyin_query, search_keys
from kehu.refine.clean.text import normal_string

MOST: Final = 50
_PHONE: Final = re.compile(r"[+()\d\s./\u2010-\u2015\u2212-]{5,}")
_LABEL: Final = re.compile(r"^[^\d@+]{1,12}?[:.]+\s*")
_AROUND: Final = " ,;.。、()<>[]'\""
_LETTERS: Final = re.compile(r"[A-Za-z' ]{2,}")


@dataclass(frozen=True, slots=True)
class Found:
    """Customers that match, newest first; ``more`` where there are others beyond ``MOST``."""

    customers: tuple[UUID, ...]
    fields: tuple[str, ...]
    more: bool


def search(text: str, *, actor: Actor, purpose: str) -> Found:
    """Customers of whom one of the asked forms of the text is known, as far as the gate lets them be found."""
    least = installation().rules.purposes[purpose].least
    forms = [(name, tokens) for name, tokens in _forms(normal_string(text)) if name in least]
    candidates = _candidates([tokens for _, tokens in forms]) if forms else {}
    fields = tuple(dict.fromkeys(name for name, _ in forms))
    if not candidates:
        with transaction.atomic():  # that somebody is not here is an answer, too
            record_act("find", None, actor=actor, purpose=PURPOSES[purpose])
        return Found((), fields, False)
    met = list(candidates)[:MOST]
    opened = gate().open(met, actor=actor, purpose=purpose, fields=fields, use="find", kinds=())
    allowed = {one.customer for one in opened if one.decision.meets(own=candidates[one.customer])}
    return Found(tuple(one for one in met if one in allowed), fields, len(candidates) > MOST)


def _forms(text: str) -> list[tuple[str, list[int]]]:
    """(field, tokens that must all stand in a record): each a way the text can be meant."""
    if not text:
        return []
    tokens, dictionary = installation().tokens, installation().rules.dictionary
    forms: list[tuple[str, list[int]]] = []

    def exact(name: str, *texts: str) -> None:
        field = dictionary.field(name)
        if "exact" in field.search:  # in each usual way it may be written: a number's country is seldom said
            found = (keys for one in texts if (keys := lookup_keys(name, one, field.type)))
            keys = next(found, [search_keys(name, text, field.type).exact])
            forms.extend((name, [tokens.search(name, "exact", key)]) for key in keys if key)

    if "@" in text:  # as it is copied with what stands around it
        exact("email", text, text.strip(_AROUND), text.rpartition(":")[2].strip(_AROUND))
        return forms
    number = next((one for one in (text, _LABEL.sub("", text)) if _PHONE.fullmatch(one)), None)
    if number is not None:
        exact("phone", number)
    exact("external_id", text)
    for name in ("full_name", "legal_name", "alias"):
        forms += [(name, found) for found in _name_forms(name, text)]
    return forms


def _name_forms(name: str, text: str) -> list[list[int]]:
    tokens, kinds = installation().tokens, installation().rules.dictionary.field(name).search
    keys: SearchKeys = search_keys(name, text, "name")
    forms: list[list[int]] = []
    if "prefix" in kinds and keys.prefixes:
        forms.append([tokens.search(name, "prefix", key) for key in _longest(keys.prefixes)])
    if "bigram" in kinds and keys.bigrams:
        pairs = [key for key in keys.bigrams if len(key) > 1] or keys.bigrams
        forms.append([tokens.search(name, "bigram", key) for key in pairs])
    if "pinyin" in kinds and _LETTERS.fullmatch(text):
        forms.append([tokens.search(name, "pinyin", pinyin_query(text))])
    if "exact" in kinds and not forms and keys.exact:
        forms.append([tokens.search(name, "exact", keys.exact)])
    return forms


def _longest(prefixes: list[str]) -> list[str]:
    """Of each word only its longest prefix: it implies the shorter ones."""
    return [one for one in prefixes if not any(other != one and other.startswith(one) for other in prefixes)]


def _candidates(forms: list[list[int]]) -> dict[UUID, bool]:
    """Customers that carry one of the forms, newest first, with whether something they said themselves does."""
    condition = " or ".join("r.tokens @> %s::bigint[]" for _ in forms)
    with connection.cursor() as cursor:
        cursor.execute(
            # each state by its key: not knowing how few hits there are, a join would read all states
            "select s.customer, bool_or(r.supplier is null) from record r cross join lateral ("
            " select x.customer from subject_state x where x.subject = r.subject and not x.hidden offset 0) s"
            f" where ({condition}) and not r.hidden group by s.customer order by 1 desc limit {MOST + 1}",
            forms,
        )
        return dict(cursor.fetchall())
