"""Sources: third parties and public places that data comes from, each proposed, let through by a second person, and dated.

A version of a source is a change of the register (:mod:`kehu.govern.register`); what is in force of it is one row of
:class:`~kehu.govern.models.Source`. An import names the source it brings; how that stands is read again with every chunk
(:func:`standing`), and the checked read looks at its purposes with every value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from psycopg import Connection

from kehu.govern import register
from kehu.govern.dictionary import Dictionary
from kehu.govern.models import Change, Source, SourceAudit
from kehu.govern.slugs import PURPOSES, name_of

KINDS: Final = ("third-party", "public")
OUTCOMES: Final = ("passed", "with-measures", "failed")
GROUNDS: Final = ("separate-consent", "consent", "contract", "legal-duty", "legitimate-interest", "public")
"""On what the source may give the data on."""
UNREGISTERED: Final = {"third-party": 0, "public": -1}
"""Numbers that stand for a source that is in no register: it came in on a document alone."""
CHINA: Final = "CN"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,58}")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_TEXTS: Final = ("party", "address", "contract", "transfer", "obtained", "scope")
_LONGEST: Final = 500
_PARTS: Final = frozenset({*_TEXTS, "kind", "country", "purposes", "fields", "ground", "proof", "until"})
_STANDING: Final = """
select s.kind, s.country, s.stopped_at is not null, s.until is not null and s.until < current_date,
    (select a.outcome from govern_sourceaudit a where a.source_id = s.id order by a."on" desc, a.at desc limit 1),
    s.proved, s.obtained, s.purposes::text, s.fields::text
from govern_source s where s.id = %s for share of s
"""

Standing = Literal["", "unregistered", "in-force", "expired", "stopped", "failed"]


class UnknownSource(LookupError):
    """There is no source of that name in force."""


class AlreadyStopped(RuntimeError):
    """The source was stopped before."""


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What is known of a source at a moment, for whoever wants to bring its data in; no source at all by default.

    ``allows``: it may be used for what the import is for. ``in_scope``: it may hold the fields that the import brings.
    """

    standing: Standing = ""
    proved: bool = False
    obtained: bool = False
    allows: bool = True
    in_scope: bool = True
    asks_consent: bool = False


NO_SOURCE: Final = SourceFacts()


def content_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """A version of a source in the register's own form.

    Raises:
        ValueError: a part is unknown, missing or of another form; the message names the part.
    """
    if unknown := set(row) - _PARTS:
        raise ValueError(f"source: {len(unknown)} unknown part(s); known are {', '.join(sorted(_PARTS))}")
    texts = {name: str(row.get(name) or "").strip() for name in _TEXTS}
    if any(len(text) > _LONGEST for text in texts.values()):
        raise ValueError(f"source: a text is longer than {_LONGEST} characters")
    kind, country, ground = row.get("kind"), row.get("country"), row.get("ground")
    if kind not in KINDS:
        raise ValueError(f"kind: one of {', '.join(KINDS)}")
    if not texts["party"]:
        raise ValueError("party: who it is")
    if kind == "third-party" and not texts["contract"]:
        raise ValueError("contract: under which contract a third party gives its data")
    if kind == "public" and not (texts["scope"] and row.get("fields")):
        raise ValueError("scope, fields: of a public place, what is reasonable to take, and why (PIPL 27)")
    if not isinstance(country, str) or not _COUNTRY.fullmatch(country):
        raise ValueError("country: where the source is at home, two capital letters")
    if ground not in GROUNDS:
        raise ValueError(f"ground: one of {', '.join(GROUNDS)}")
    return {
        "kind": kind, "country": country, "ground": ground, **texts, "proof": _proof(row.get("proof")),
        "until": _until(row.get("until"), kind), **_purposes(row.get("purposes")), "fields": _fields(row.get("fields")),
    }  # fmt: skip


def propose(name: str, parts: Mapping[str, Any], *, reason: str, by: UUID, id: UUID) -> Change:
    """Propose a source, or another version of one; of a known one, ``parts`` left out stay as they are.

    Raises:
        ValueError: the name or a part is of another form, or a source would become one of another kind.
        NothingChanges: it says what is in force, and nobody stopped it.
        ProposalOpen: another version of it waits.
    """
    if not _NAME.fullmatch(name):
        raise ValueError("name: small letters, digits and hyphens, 59 at most")
    with transaction.atomic():
        register.lock("source", name)
        base = register.in_force("source").get(name)
        before = {key: value for key, value in base.content.items() if key != "numbers"} if base else {}
        content = content_of({**before, **parts})
        if base is not None and base.content["kind"] != content["kind"]:
            raise ValueError("kind: a source stays of the kind it is; name another")
        stopped = Source.objects.filter(name=name, stopped_at__isnull=False).exists()
        if base is not None and base.content == content and not stopped:
            raise register.NothingChanges(name)
        return register.enter("source", name, base=base, content=content, reason=reason, by=by, id=id)


def approve(change: UUID, *, by: UUID, role: str, id: UUID) -> Source:
    """Let a version of a source come in force, at once; one that was stopped runs again.

    Raises:
        UnknownChange, ProposalEnded, OwnProposal: as :func:`kehu.govern.register.approve`.
        ProposalOutdated: so, too; or the source was stopped since it was proposed.
    """
    with transaction.atomic():
        held = register.approve(change, by=by, role=role, id=id)
        said = held.content
        stopped = Source.objects.select_for_update().filter(name=held.name, stopped_at__gte=held.proposed_at)
        if stopped.exists():  # whoever proposed it did not know: what is stopped runs again by a version written since
            raise register.ProposalOutdated
        source, _ = Source.objects.update_or_create(
            name=held.name,
            defaults={
                "kind": said["kind"], "country": said["country"], "purposes": said["numbers"], "fields": said["fields"],
                "until": date.fromisoformat(said["until"]) if said["until"] else None, "proved": bool(said["proof"]),
                "obtained": bool(said["obtained"]), "stopped_at": None, "stopped_by": None, "change": held,
            },
        )  # fmt: skip
        return source


def stop(name: str, *, by: UUID) -> Source:
    """Stop a source at once: nothing of it comes in, and what came opens for nothing but rights, claims and the law.

    Raises:
        UnknownSource: none of that name is in force.
        AlreadyStopped: see there.
    """
    with transaction.atomic():
        held = Source.objects.select_for_update().filter(name=name).first()
        if held is None:
            raise UnknownSource(name)
        if held.stopped_at is not None:
            raise AlreadyStopped(name)
        held.stopped_at, held.stopped_by = timezone.now(), by
        held.save(update_fields=["stopped_at", "stopped_by"])
        return held


def audit(name: str, *, on: date, outcome: str, note: str, by: UUID, id: UUID) -> SourceAudit:
    """Record an audit; after one that failed nothing of the source comes in until another did not.

    Raises:
        UnknownSource: none of that name is in force.
        ValueError: no such outcome, a day to come, or a note that is too long.
    """
    if outcome not in OUTCOMES:
        raise ValueError(f"outcome: one of {', '.join(OUTCOMES)}")
    if on > timezone.localdate():  # of whoever records it, who may be a day ahead of UTC
        raise ValueError("on: lies in the future")
    if len(note) > _LONGEST:
        raise ValueError(f"note: at most {_LONGEST} characters")
    return SourceAudit.objects.create(
        id=id, source=source_named(name), on=on, outcome=outcome, note=note.strip(), by=by
    )


def source_named(name: str) -> Source:
    """A source in force, or stopped.

    Raises:
        UnknownSource: there is none of that name.
    """
    held = Source.objects.select_related("change").filter(name=name).first()
    if held is None:
        raise UnknownSource(name)
    return held


def standing(
    raw: Connection[Any], source: int | None, *, purposes: Iterable[int] = (), fields: Iterable[str] = ()
) -> SourceFacts:
    """How a source stands as of now, its row locked until the transaction ends; ``purposes`` and ``fields`` of an import."""
    if source is None:
        return NO_SOURCE
    if source in UNREGISTERED.values():
        return SourceFacts("unregistered")
    row = raw.execute(_STANDING, (source,)).fetchone()
    if row is None:
        return SourceFacts("stopped")
    kind, country, stopped, over, audited, proved, obtained, *lists = row
    allowed, scope = (set(json.loads(one)) for one in lists)
    said: Standing = "stopped" if stopped else "expired" if over else "failed" if audited == "failed" else "in-force"
    return SourceFacts(
        said, proved, obtained, allows=set(purposes) <= allowed, in_scope=not scope or set(fields) <= scope,
        asks_consent=kind == "third-party" and country == CHINA,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mark:
    """That something came from a source, and not from the customer: what every view shows beside it.

    ``name`` is empty where the source is in no register; ``party`` is who it is, for the customer to read.
    """

    id: int
    kind: str
    name: str
    party: str


def marks() -> dict[int, Mark]:
    """The mark of every source by its number, those in no register among them."""
    rows = Source.objects.select_related("change").order_by("id")
    found = {number: Mark(number, kind, "", "") for kind, number in UNREGISTERED.items()}
    return found | {row.id: Mark(row.id, row.kind, row.name, row.change.content["party"]) for row in rows}


def marks_of_subjects(subjects: Iterable[UUID]) -> dict[UUID, tuple[Mark, ...]]:
    """The sources of these origin subjects; who all came from themselves is left out."""
    return _marked(
        "select s.subject, k.key::int from subject_state s, jsonb_object_keys(s.supplied -> 'of') k (key)"
        " where s.subject = any (%s) and s.supplied is not null order by 1, 2",
        subjects,
    )


def marks_of_customers(customers: Iterable[UUID]) -> dict[UUID, tuple[Mark, ...]]:
    """The same by customer, over all their origin subjects."""
    return _marked(
        "select distinct s.customer, k.key::int from subject_state s, jsonb_object_keys(s.supplied -> 'of') k (key)"
        " where s.customer = any (%s) and s.supplied is not null and not s.hidden order by 1, 2",
        customers,
    )


def marks_of_records(subjects: Iterable[UUID]) -> dict[UUID, Mark]:
    """The source of each record of these origin subjects, by the record's id; what came from themselves is left out."""
    found = _marked(
        "select r.id, r.supplier from record r where r.subject = any (%s) and r.supplier is not null", subjects
    )
    return {record: held[0] for record, held in found.items()}


def _marked(query: str, ids: Iterable[UUID]) -> dict[UUID, tuple[Mark, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, [list(ids)])
        rows = cursor.fetchall()
    if not rows:
        return {}
    known, found = marks(), dict[UUID, tuple[Mark, ...]]()
    for id, number in rows:
        if number in known:
            found[id] = (*found.get(id, ()), known[number])
    return found


def _proof(said: Any) -> str:
    proof = str(said or "").lower()
    if proof and not _DIGEST.fullmatch(proof):
        raise ValueError("proof: the SHA-256 of the document, 64 hexadecimal digits")
    return proof


def _until(said: Any, kind: str) -> str | None:
    if not said:
        if kind == "third-party":
            raise ValueError("until: the day to which a third party's contract runs")
        return None
    try:
        return (said if isinstance(said, date) else date.fromisoformat(str(said))).isoformat()
    except ValueError:
        raise ValueError("until: a day, YYYY-MM-DD") from None


def _purposes(said: Any) -> dict[str, Any]:
    names = sorted(_words(said, "purposes"), key=lambda one: PURPOSES.get(one, 0))
    if not names or not set(names) <= set(PURPOSES):
        raise ValueError(f"purposes: one at least, of {', '.join(PURPOSES)}")
    return {"purposes": names, "numbers": [PURPOSES[one] for one in names]}


def _fields(said: Any) -> list[str]:
    names, known = _words(said or [], "fields"), Dictionary.load().fields
    if not names <= set(known):
        raise ValueError("fields: only names of the dictionary")
    return sorted(names)


def _words(said: Any, part: str) -> set[str]:
    if not isinstance(said, (list, tuple)) or not all(isinstance(one, str) for one in said):
        raise ValueError(f"{part}: a list of words")
    return set(said)


def purposes_of(source: Source) -> list[str]:
    """The purposes it may be used for, by slug."""
    return [name_of(PURPOSES, number) for number in source.purposes]
