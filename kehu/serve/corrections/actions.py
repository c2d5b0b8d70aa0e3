"""A value corrected: a record of its own beside what came, under the origin subject whose value it was; nothing is rewritten.

The reason is asked for and sealed; who did it and when stands beside it and in the ledger. Recipients of the wrong value are
written down with it, each to be told (:mod:`kehu.serve.corrections.telling`). Source: GDPR 16 and 19, PIPL 46.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import polars as pl
from django.db import connection, transaction
from django.utils import timezone

from kehu.govern.deadlines import Told, request_clocks
from kehu.govern.dictionary import Field
from kehu.govern.laws import company
from kehu.govern.models import Channel
from kehu.govern.parts import UnknownSubject, held_now, part_of
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused, require_act
from kehu.guard.gate.admit import SubjectGone
from kehu.guard.gate.edits import Edit, write_edit
from kehu.guard.gate.read import PROFILE_KINDS, Contribution, Opened, gate
from kehu.guard.installation import installation
from kehu.guard.texts import seal_under
from kehu.refine.clean import clean
from kehu.refine.clean.phones import country_of
from kehu.refine.clean.status import INVALID, VALID
from kehu.refine.survive import PARTS_OF, same_text, survive
from kehu.refine.tokens import tokens_of
from kehu.serve.corrections.models import OPEN, Correction, Telling
from kehu.serve.corrections.recipients import reached
from kehu.serve.rights.clocks import due_of, laws_of, packs_of_subjects
from kehu.serve.rights.models import Request
from kehu.vault.ids import new_id

PURPOSE: Final = "rights-request"
_BORN: Final = "birth_date"
_NAMES: Final = ("family_name", "given_name")  # the whole is derived from both, where nobody gave it
_LONGEST: Final = 2_000  # characters
NOT: Final = {
    "no-reason": "reason: says why",
    "too-long": "value, reason: 2000 characters at most",
    "invalid": "value: not in the form of this field",
    "same": "value: it stands so already",
    "not-a-value": "field: one of a profile",
    "no-request": "request: an open one of this customer",
}


class NotCorrected(ValueError):
    """Nothing was changed; ``why`` is one of :data:`NOT`."""

    def __init__(self, why: str) -> None:
        super().__init__(NOT[why])
        self.why = why


@dataclass(frozen=True, slots=True)
class Corrected:
    """What was done: the correction's id, the origin subject it stands under, and how many recipients are to be told."""

    id: UUID
    subject: UUID
    tellings: int


def correct(
    subject: UUID, field: str, value: str, *, reason: str, actor: Actor, request: UUID | None = None
) -> Corrected:
    """Put a right value in the place of a wrong or a missing one.

    A birth date that stands so already is put beside another one of the same person that says otherwise, one at a time.
    What no request of the customer asked for goes with the value, should what brought that be taken back.
    Of two at once, or a double click, one is made first, and the other corrects what stands then.

    Args:
        request: the open request of this customer that it answers; its clock is the clock of telling recipients.
    Raises:
        Refused: the role may not, or a policy lets this actor not see what they correct.
        UnknownSubject: not here.
        NotCorrected: see there.
        SubjectGone: erased meanwhile.
    """
    require_act("correct", actor)
    known = installation().rules.dictionary.fields.get(field)
    if known is None or known.event:
        raise NotCorrected("not-a-value")
    text, why = value.strip(), reason.strip()
    if not why:
        raise NotCorrected("no-reason")
    if not text or len(text) > _LONGEST or len(why) > _LONGEST:
        raise NotCorrected("too-long" if text else "invalid")
    earlier = _made(part_of(subject, whole=True), field)
    opened = _open(subject, field, actor)
    kept = survive(opened.contributions)
    before = kept[field].said if field in kept else None
    anchor = before.subject if before is not None else _origin(subject, opened)
    normal, status, parts = cleaned(known, text, before)
    if status == INVALID or normal is None:
        raise NotCorrected("invalid")
    if before is not None and before.answer == "clear" and (before.normal or before.given) == normal:
        before = _says_otherwise(before, opened) if field == _BORN else None
        if before is None:
            raise NotCorrected("same")
        anchor = before.subject
    said = [text, normal, status, timezone.now().isoformat(timespec="milliseconds")]
    follows = before.record if before is not None else _newest(anchor)
    parts = parts or _whole_name({name: one.said for name, one in kept.items()}, field, normal)
    goes_with = records_saying(before, opened) if before is not None and request is None else ()
    edit = edit_of(known, said, parts, subject=anchor, follows=follows, own=before is None, goes_with=goes_with)
    with transaction.atomic():
        asked = _asked(request, opened.origins)
        if _made(_held(anchor), field) <= earlier:
            id = write_edit(edit, actor=actor, purpose=PURPOSES[PURPOSE], act="correct")
            told = put_down(id, field, anchor, before=before, opened=opened, reason=why, by=actor.staff, asked=asked)
            return Corrected(id, anchor, told)
    return correct(subject, field, value, reason=reason, actor=actor, request=request)


def cleaned(field: Field, text: str, before: Contribution | None) -> tuple[str | None, int, Mapping[str, str]]:
    """Normalised form and status of a value that is said in the place of another, and the parts that it holds.

    It is read as the other's country writes: that of a telephone number, else where the channel collects that brought it.
    """
    country = None
    if before is not None:
        country = country_of(before.normal) if field.type == "phone" and before.normal else None
        country = country or Channel.objects.filter(id=before.channel).values_list("country", flat=True).first()
    name = field.name
    frame = pl.DataFrame({name: [text]}, schema={name: pl.String})
    [row] = clean(frame, residence=country or None, columns={name: field.type}).to_dicts()
    parts = {part: row.get(f"{part}__n") for part in PARTS_OF.get(name, ())}
    return row[f"{name}__n"], int(row[f"{name}__s"]), {part: held for part, held in parts.items() if held}


def _whole_name(kept: Mapping[str, Contribution], field: str, normal: str) -> dict[str, str]:
    """The full name of a name's part that was put right, with the other part as it stands; nothing where that is not seen."""
    others = {name: said for name, said in kept.items() if name in _NAMES and name != field}
    if field not in _NAMES or len(others) != 1 or any(said.answer != "clear" for said in others.values()):
        return {}
    names = {name: said.normal or said.given for name, said in others.items()} | {field: normal}
    [row] = clean(
        pl.DataFrame([names], schema=dict.fromkeys(names, pl.String)), columns=dict.fromkeys(names, "name")
    ).to_dicts()
    return {"full_name": row["full_name__n"]} if row.get("full_name__n") else {}


def edit_of(
    field: Field, said: Sequence[Any], parts: Mapping[str, str], *, subject: UUID, follows: UUID, own: bool,
    goes_with: Sequence[UUID],
) -> Edit:  # fmt: skip
    """An edit that says a value, and with it the parts that it holds, as an import derives them.

    Args:
        said: given, normalised form (None: it is invalid), status, and when.
        goes_with: see :class:`Edit`.
    """
    normal = said[1]
    values: dict[int, dict[str, Any]] = {field.category_id: {field.name: said}}
    tokens = tokens_of(field.name, normal).every if normal else []
    for name, text in parts.items():
        part = installation().rules.dictionary.field(name)
        values.setdefault(part.category_id, {})[name] = [None, text, VALID, None]
        tokens += tokens_of(name, text).every
    return Edit(subject, follows, values, list(dict.fromkeys(tokens)), own, goes_with)


def records_saying(said: Contribution, opened: Opened) -> list[UUID]:
    """The records of a value's own origin subject that openly say the same; itself, where it is masked."""
    same = {
        one.record
        for one in opened.contributions
        if one.subject == said.subject and one.field == said.field and one.answer == said.answer == "clear"
        and same_text(one, said)
    }  # fmt: skip
    return sorted(same | {said.record})


def put_down(
    edit: UUID, field: str, subject: UUID, *, before: Contribution | None, opened: Opened, reason: str, by: UUID,
    asked: Request | None = None,
) -> int:  # fmt: skip
    """Put an edit down as a correction, in the caller's transaction; returns how many recipients are to be told of it.

    Args:
        subject: the origin subject it stands under.
        before: what stood before, and ``opened`` what it was found in; None: nothing did.
        asked: the request that it answers.
    """
    made = Correction.objects.create(
        id=edit, subject=subject, field=field, record=edit, before=before.record if before is not None else None,
        reason=seal_under(subject, reason, place=edit), request=asked.id if asked is not None else None, by=by,
    )  # fmt: skip
    return _write_down(made, asked, _said_by(before, opened) if before is not None else {})


def take_back(edit: UUID) -> None:
    """Of an edit that was taken back nobody is told any more; who was told already stays, with its proof."""
    Telling.objects.filter(correction=edit, state=OPEN).delete()
    Correction.objects.filter(id=edit, tellings=None).delete()


def _open(subject: UUID, field: str, actor: Actor) -> Opened:
    """What stands now: whoever corrects a value sees it, be it masked."""
    purpose = actor.purpose or PURPOSE
    least = installation().rules.purposes[purpose].least
    beside = [name for name in _NAMES if field in _NAMES and name != field and name in least]
    found = gate().open([subject], actor=actor, purpose=purpose, fields=[field, *beside], kinds=PROFILE_KINDS)
    if not found:
        raise UnknownSubject(str(subject))
    [opened] = found
    if (denied := opened.denied().get(field)) is not None:
        raise Refused(denied.policy)
    return opened


def _made(subjects: Sequence[UUID], field: str) -> set[UUID]:
    """The corrections of a field there are."""
    return set(Correction.objects.filter(subject__in=subjects, field=field).values_list("id", flat=True))


def _held(anchor: UUID) -> list[UUID]:
    """The customer, held: nobody else corrects them until the transaction ends.

    Raises:
        SubjectGone: erased meanwhile.
    """
    try:
        return held_now(anchor).whole
    except UnknownSubject:
        raise SubjectGone from None


def _says_otherwise(kept: Contribution, opened: Opened) -> Contribution | None:
    """What another origin subject of the certain part says by itself: an age is each one's own, and the youngest counts."""
    part = set(part_of(kept.subject, whole=False)) - {kept.subject}
    for subject in sorted(part):
        own = survive(one for one in opened.contributions if one.subject == subject and one.field == kept.field)
        said = own[kept.field].said if kept.field in own else None
        if said is not None and said.answer == "clear" and not same_text(said, kept):
            return said
    return None


def _origin(subject: UUID, opened: Opened) -> UUID:
    return subject if subject in opened.origins else opened.origins[0]


def _asked(request: UUID | None, origins: Sequence[UUID]) -> Request | None:
    if request is None:
        return None
    row = Request.objects.select_for_update().filter(id=request, state="open", subject__in=origins).first()
    if row is None:
        raise NotCorrected("no-request")
    return row


def _newest(anchor: UUID) -> UUID:
    """What an edit follows where nothing stood before: the newest record of its origin subject."""
    with connection.cursor() as cursor:
        cursor.execute("select id from record where subject = %s and not hidden order by id desc limit 1", [anchor])
        row = cursor.fetchone()
    if row is None:
        raise UnknownSubject(str(anchor))
    return UUID(str(row[0]))


def _said_by(before: Contribution, opened: Opened) -> dict[UUID, UUID]:
    """The first record that said the wrong value, of each origin subject of the certain part whose value it was."""
    part = set(part_of(before.subject, whole=False))
    found = {before.subject: before.record}
    for one in opened.contributions:
        said = one.field == before.field and one.subject in part and one.answer == before.answer == "clear"
        if said and same_text(one, before):
            found[one.subject] = min(one.record, found.get(one.subject, one.record))
    return found


def _write_down(made: Correction, asked: Request | None, said_by: Mapping[UUID, UUID]) -> int:
    """Every recipient whom the wrong value had reached, with the day by which each is told."""
    if not said_by:
        return 0
    found = reached(made.field, said_by=said_by)
    due = asked.due if asked is not None else _due(made.subject, timezone.now())
    Telling.objects.bulk_create(
        [
            Telling(
                id=new_id(), correction=made, recipient=one.recipient[:120], country=one.country[:2], purpose=one.purpose,
                first_at=one.first_at, last_at=one.last_at, uses=one.uses, due=due,
            )
            for one in found
        ]
    )  # fmt: skip
    return len(found)


def _due(subject: UUID, now: datetime) -> datetime | None:
    """As if the customer had asked today: nobody waits longer because the house found it by itself."""
    laws = laws_of(packs_of_subjects([subject]))
    return due_of(
        request_clocks(laws, "correct", now, told=Told(None, None, ()), now=now, company=company(), answered=None)
    )
