"""Separate consents: to one event, one recipient, some fields, one country; asked alone (PIPL 23, 25, 26, 29, 39).

What policies read of them stands in ``subject_state.separate``, null for most people: by purpose a list of those in force,
on every origin subject of the certain part that gave it. ``anchor`` is the one it was given under: an un-merge takes it from
those that leave its part. One counts for a customer only where each of its origin subjects has it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

from kehu.govern.slugs import EVENTS

_NAME: Final = re.compile(r"[^\x00-\x1f\x7f]{1,120}")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_TO_SOMEBODY: Final = ("provide", "abroad")

# every entry of a purpose but those of the same event, recipient and country (or, with an id, but that one)
_KEPT: Final = """(select jsonb_agg(e) from jsonb_array_elements(separate -> %(key)s::text) e where not (
    case when %(id)s::text <> '' then e ->> 'id' = %(id)s::text
    else e ->> 'event' = %(event)s::text and e ->> 'recipient' = %(recipient)s::text
        and e ->> 'country' = %(country)s::text end))"""
# another's consent to the same stays below it: after an un-merge it counts again
_PUT: Final = f"""
update subject_state set separate = jsonb_set(coalesce(separate, '{{}}'), array[%(key)s::text],
    coalesce({_KEPT}, '[]') || jsonb_build_array(%(entry)s::jsonb || case when subject = %(anchor)s then '{{}}'::jsonb
    else coalesce((select jsonb_build_object('below', e) from jsonb_array_elements(separate -> %(key)s::text) e
        where e ->> 'event' = %(event)s::text and e ->> 'recipient' = %(recipient)s::text
            and e ->> 'country' = %(country)s::text limit 1), '{{}}'::jsonb) end)) where subject = any (%(subjects)s)
"""
_TAKE: Final = f"""
update subject_state set separate = nullif(case when {_KEPT} is null then separate - %(key)s::text
    else jsonb_set(separate, array[%(key)s::text], {_KEPT}) end, '{{}}')
where subject = any (%(subjects)s) and separate ? %(key)s::text
"""
SEPARATE_STANDS: Final = "a.separate -> g.purpose::text @> jsonb_build_array(jsonb_build_object('id', g.id::text))"
"""Whether the separate consent ``g`` stands on the origin subject ``a`` that gave it: not taken, nor replaced."""
_TAKE_ALL: Final = """
update subject_state set separate = nullif(separate - %s::text, '{}') where subject = any (%s) and separate ? %s::text
"""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a separate consent is to. ``fields`` None: all that the purpose needs."""

    event: str
    recipient: str = ""
    country: str = ""
    fields: tuple[str, ...] | None = None

    def checked(self) -> Terms:
        """The same, fields in order.

        Raises:
            ValueError: no such event, or it does not name what a law wants named.
        """
        if self.event not in EVENTS:
            raise ValueError(f"event: one of {', '.join(EVENTS)}")
        if self.recipient and not _NAME.fullmatch(self.recipient):
            raise ValueError("recipient: a name of up to 120 signs")
        if self.event in _TO_SOMEBODY and not self.recipient.strip():
            raise ValueError(f"recipient: a consent to {self.event} names who gets it")
        if self.country and not _COUNTRY.fullmatch(self.country):
            raise ValueError("country: two capital letters")
        if self.event == "abroad" and not self.country:
            raise ValueError("country: a consent to abroad names it")
        if self.fields is not None and not self.fields:
            raise ValueError("fields: at least one, or none named at all")
        return Terms(
            self.event, self.recipient.strip(), self.country,
            tuple(sorted(set(self.fields))) if self.fields is not None else None,
        )  # fmt: skip


def recipient_key(name: str) -> str:
    """A recipient's name as it is compared: however it is written, width, case and spaces apart."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def put_separate(
    subjects: Sequence[UUID],
    purpose: int,
    *,
    id: UUID,
    terms: Terms,
    until: datetime | None,
    version: int,
    anchor: UUID,
    by_guardian: bool,
) -> None:
    """Let it stand on these origin subjects, in place of an earlier one to the same event, recipient and country."""
    named = recipient_key(terms.recipient)
    entry: dict[str, Any] = {
        "id": str(id), "event": terms.event, "recipient": named, "country": terms.country,
        "fields": list(terms.fields) if terms.fields is not None else None,
        "until": until.timestamp() if until else None, "version": version, "anchor": str(anchor), "guardian": by_guardian,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            _PUT,
            {
                "key": str(purpose), "id": "", "event": terms.event, "recipient": named, "country": terms.country,
                "entry": json.dumps(entry), "subjects": list(subjects), "anchor": anchor,
            },
        )  # fmt: skip


def take_separate(
    subjects: Sequence[UUID], purpose: int, *, id: UUID | None = None, terms: Terms | None = None
) -> None:
    """Take the one of that id, or to those terms, from these origin subjects; with neither all of the purpose."""
    with connection.cursor() as cursor:
        if id is None and terms is None:
            cursor.execute(_TAKE_ALL, [str(purpose), list(subjects), str(purpose)])
            return
        cursor.execute(
            _TAKE,
            {
                "key": str(purpose), "id": str(id or ""), "event": terms.event if terms else "",
                "recipient": recipient_key(terms.recipient) if terms else "",
                "country": terms.country if terms else "", "subjects": list(subjects),
            },
        )  # fmt: skip


def separate_in_force(subjects: Sequence[UUID], purpose: int) -> set[UUID]:
    """Ids of the separate consents of a purpose that stand on any of these origin subjects; also one whose end has come."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select distinct (e ->> 'id')::uuid from subject_state s, jsonb_array_elements(s.separate -> %s::text) e"
            " where s.subject = any (%s)",
            [str(purpose), list(subjects)],
        )
        return {row[0] for row in cursor.fetchall()}
