"""Telling people where their data came from: the letters by mail, who is written to by post, who need not be told.

A letter goes out before it is noted that it did: whoever is told twice loses nothing, whoever was noted without a letter was
never told. After a crash in between the same letter goes again under the same Message-ID (decision 0041).

Whoever is told, by whichever way, is one certain part: whom linkage alone joined to it may be somebody else, who reads none
of its letters. So each part is told and excused by itself (:mod:`kehu.serve.sources.untold` says who is).
"""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from django.core.mail import EmailMessage, get_connection
from django.db import connection, transaction

from kehu.govern.deadlines import excused_by
from kehu.govern.models import Controller, Informed, Source
from kehu.govern.packs import EXCUSES, Excuse
from kehu.govern.parts import UnknownSubject
from kehu.govern.slugs import CATEGORIES, name_of
from kehu.govern.sources import marks, purposes_of
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.read import PROFILE_KINDS, Options, gate
from kehu.guard.gate.state import packs_of
from kehu.guard.ledger.record import record_act
from kehu.host.mail import OutboxClosed, named
from kehu.refine.clean.status import INVALID
from kehu.refine.survive import survive
from kehu.serve.rights.office import PURPOSE, PURPOSE_ID, require
from kehu.serve.sources.letters import Came, letter_of
from kehu.serve.sources.untold import Untold, part_named, pieces, untold_of, untold_parts
from kehu.vault.ids import new_id

_log = logging.getLogger("kehu.sources")
LEAST_REASON: Final = 10
LONGEST_REASON: Final = 200
_MOST_REFUSED: Final = 20  # one after the other: then it is no fault of their letters
_FOR_GOOD: Final = 500  # from this code on a mail server says that asking again changes nothing
# Told is whoever knows of all that the source gave by now: of what came while the letter went out it said nothing.
_TELL: Final = """
with n as (select * from unnest(%s::uuid[], %s::smallint[], %s::jsonb[]) as n (subject, source, what)), held as (
    select s.subject from subject_state s where s.subject in (select subject from n) order by s.subject for no key update
), told as (
    select s.subject, jsonb_object_agg(x.key, case when x.value ->> 'told' is null and exists (select 1 from n
            where n.subject = s.subject and n.source::text = x.key and coalesce(x.value -> 'what', '[]') <@ n.what)
        then x.value || jsonb_build_object('told', current_date) else x.value end) as of_them
    from held join subject_state s using (subject), jsonb_each(s.supplied -> 'of') x group by s.subject
)
update subject_state s set supplied = (s.supplied - 'post') || jsonb_build_object('of', t.of_them),
    inform_by = (select min((x.value ->> 'by')::date) from jsonb_each(t.of_them) x where x.value ->> 'told' is null)
from told t where s.subject = t.subject
"""
_POST: Final = """
update subject_state set supplied = supplied || '{"post": true}' where subject in (select s.subject from subject_state s
    where s.core = any (%(cores)s) and s.inform_by is not null
        and s.customer = any (array(select n.customer from subject_state n where n.subject = any (%(cores)s)))
    order by s.subject for no key update)
"""


@dataclass(slots=True)
class Sent:
    """What a run did: letters that went out, customers without a usable address, letters that could not be handed over.

    ``away``: the mail server was not there, or took no letter any more, so the run ended early; ``in_a_row``: letters that it
    refused, each by itself, since the last it took.
    """

    mailed: int = 0
    by_post: int = 0
    failed: int = 0
    away: bool = False
    in_a_row: int = 0

    def refuse(self) -> None:
        """A letter was refused for now: it is tried again with the next run, and others go meanwhile."""
        self.failed, self.in_a_row = self.failed + 1, self.in_a_row + 1
        self.away = self.in_a_row >= _MOST_REFUSED


def send(*, actor: Actor, until: date | None = None, limit: int | None = None, again: bool = False) -> Sent:
    """Write to everybody who is to be told (by a day), who has an address; the others are noted for the post.

    ``again`` tries those, too, who were noted for the post before.

    Raises:
        Refused: the role may not.
    """
    require("inform", actor)
    found, left = Sent(), limit
    for customers in pieces(until=until, again=again, limit=left):
        try:
            with get_connection() as mail:
                for customer in customers:
                    _write_to(customer, mail, found, actor=actor)
                    if found.away:
                        break
        except (smtplib.SMTPException, OSError) as away:
            _log.warning("inform.mail.away", extra={"failure": type(away).__name__})
            found.away = True
        if found.away:
            break
    return found


def posted(subjects: Iterable[UUID], *, actor: Actor, way: str = "post", seen: Mapping[UUID, str] | None = None) -> int:
    """Note that these people were told, by post or otherwise, each the certain part of an id; returns how many.

    Whom there was nothing left to tell, and who is not here any more, is passed over.

    Args:
        seen: what was to be told them when their letter was written (``seen`` of :class:`kehu.serve.sources.untold.Due`); of
            whom it is something else by now, who were told of a part only, nothing is noted.
    Raises:
        Refused: the role may not.
        UnknownSubject: there is nobody of them here who was still to be told.
        ValueError: no such way.
    """
    require("inform", actor)
    if way not in ("post", "other"):
        raise ValueError("way: post or other")
    with transaction.atomic():
        part_of: dict[UUID, UUID] = {}
        for subject in subjects:
            with suppress(UnknownSubject):  # erased since the letters were written
                part_of[subject] = part_named(subject)
        untold = untold_of(list(part_of.values()))
        if not untold:
            raise UnknownSubject(", ".join(map(str, part_of)))
        told = {
            part: held
            for subject, part in part_of.items()
            if (held := untold.get(part)) and (seen or {}).get(subject, held.seen()) == held.seen()
        }
        _note(told, way=way, languages={}, by=actor.human)
        for part in told:
            record_act("inform", part, actor=actor, purpose=PURPOSE_ID)
    return len(told)


def excuse(subjects: Iterable[UUID], why: Excuse, *, reason: str, actor: Actor) -> int:
    """Note that these people need not be told, each the certain part of an id, all of them or none; returns how many.

    Raises:
        Refused: the role may not.
        UnknownSubject: one is not here, or there is nothing to tell them.
        NotExcused: a law that applies to one of them does not know that excuse.
        ValueError: no such excuse, or no reason.
    """
    require("inform", actor)
    said = reason.strip()
    if why not in EXCUSES or not LEAST_REASON <= len(said) <= LONGEST_REASON:
        raise ValueError(f"why: one of {', '.join(EXCUSES)}; reason: {LEAST_REASON} to {LONGEST_REASON} characters")
    with transaction.atomic():
        parts = list(dict.fromkeys(part_named(subject) for subject in subjects))
        untold, laws = untold_of(parts), _laws(parts)
        for part in parts:
            if part not in untold:
                raise UnknownSubject(str(part))
            excused_by(laws[part], why)
        _note(untold, way="excused", languages={}, by=actor.human, excuse=why, reason=said)
        for part in parts:
            record_act("inform", part, actor=actor, purpose=PURPOSE_ID)
    return len(parts)


def _options() -> Options:
    return {"fields": ["email", "language"], "use": "inform", "kinds": PROFILE_KINDS}


def _write_to(customer: UUID, mail: Any, found: Sent, *, actor: Actor) -> None:
    """Write to one customer, each certain part of it, asked for just before: a run takes hours.

    Who was erased, reported dead, told or excused since it began is not written to, and who has another address is at that.
    """
    untold = untold_parts([customer])
    if not untold:
        return
    opened = gate().open([customer], actor=actor, purpose=PURPOSE, **_options())
    core_of = _cores([one.customer for one in opened])
    written, without, languages = dict[UUID, Untold](), list[UUID](), dict[UUID, str]()
    known, house, allowed = marks(), dict(Controller.objects.values_list("id", "name")), _allowed()
    parts = [(one, core, held) for one in opened for core, held in untold.get(one.customer, {}).items()]
    for one, core, held in parts:
        if found.away:
            continue
        # who is joined by linkage alone may be somebody else: nobody reads in their own mailbox what came of another
        theirs = [said for said in one.contributions if core_of.get(said.subject) == core]
        best = {name: won.said for name, won in survive(theirs).items()}
        address = best.get("email")
        if address is None or address.answer != "clear" or address.status == INVALID or not address.normal:
            without.append(core)
            continue
        tongue = str(best["language"].normal) if "language" in best else ""
        came = [
            Came(known[n], tuple(name_of(CATEGORIES, c) for c in sorted(held.categories[n])), allowed.get(n, ()))
            for n in sorted(held.categories)
            if n in known
        ]
        letter = letter_of(came, house=house.get(held.controller, ""), language=tongue)
        try:
            name = named("inform", *held.named())
            to = [str(address.normal)]
            EmailMessage(letter.subject, letter.text, to=to, connection=mail, headers=name).send()
        except smtplib.SMTPRecipientsRefused as refused:
            if all(code >= _FOR_GOOD for code, _ in refused.recipients.values()):
                without.append(core)
            else:
                found.refuse()
        except smtplib.SMTPDataError:
            found.refuse()
        except (smtplib.SMTPException, OSError, OutboxClosed) as away:
            _log.warning("inform.mail.failed", extra={"failure": type(away).__name__})
            found.failed, found.away = found.failed + 1, True
        else:
            written[core], languages[core], found.in_a_row = held, letter.language, 0
    with transaction.atomic():
        _note(written, way="email", languages=languages, by=actor.human)
        with connection.cursor() as cursor:
            cursor.execute(_POST, {"cores": without})
    found.mailed, found.by_post = found.mailed + len(written), found.by_post + len(without)


def _cores(customers: Sequence[UUID]) -> dict[UUID, UUID]:
    """Of which certain part each origin subject of these customers is."""
    with connection.cursor() as cursor:
        cursor.execute("select subject, core from subject_state where customer = any (%s)", [list(customers)])
        return dict(cursor.fetchall())


def _allowed() -> dict[int, tuple[str, ...]]:
    rows = Source.objects.filter(stopped_at=None)
    return {row.id: tuple(purposes_of(row)) for row in rows}


def _note(
    told: Mapping[UUID, Untold],
    *,
    way: str,
    languages: Mapping[UUID, str],
    by: UUID,
    excuse: str = "",
    reason: str = "",
) -> None:
    """Note who was told of which sources, or need not be, in the caller's transaction."""
    pairs = [(*pair, part) for part, held in told.items() for pair in held.pairs]
    if not pairs:
        return
    with connection.cursor() as cursor:
        cursor.execute(_TELL, [list(column) for column in zip(*pairs, strict=True)][:3])
    Informed.objects.bulk_create(
        Informed(
            id=new_id(),
            subject=subject,
            source=source,
            way=way,
            language=languages.get(part, ""),
            by=by,
            excuse=excuse,
            reason=reason,
        )
        for subject, source, _, part in pairs
    )


def _laws(parts: Sequence[UUID]) -> dict[UUID, frozenset[str]]:
    """The laws that apply to the whole customer of each, as at the gate: the strictest counts."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select n.subject, bit_or(s.packs) from subject_state n join subject_state s using (customer)"
            " where n.subject = any (%s) and not s.hidden group by 1",
            [list(parts)],
        )
        return {part: packs_of(packs) for part, packs in cursor.fetchall()}
