"""Erasure: planned, refused under a hold, carried out in one transaction that reaches every holder, certified.

The order is safe against a crash at any moment. ``begun`` is committed first, and from then on only legal, claims and
rights requests read the person. Then one transaction seals what stays, asks every holder to erase, destroys the keys and
closes the row: it happened whole or not at all, and what is begun is finished by the next run, the job, or the next
erasure. Last the tombstones are noted beside the database.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone
from psycopg import Connection

from kehu.govern import states as subject_states
from kehu.govern.holders import Holder, holders
from kehu.govern.models import StateEntry
from kehu.govern.parts import UnknownSubject, part_of, retried
from kehu.govern.slugs import CATEGORIES, name_of
from kehu.guard import residue
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused
from kehu.guard.gate.read import gate
from kehu.guard.installation import installation
from kehu.guard.staff.actions import actor_of, owner_actor
from kehu.guard.staff.models import Staff
from kehu.guard.staff.step_up import require_step_up
from kehu.guard.texts import seal_under
from kehu.guard.tombstones import Noted, note, noted
from kehu.serve.rights.erasing.paper import paper_of
from kehu.serve.rights.erasing.stays import Decided, Item, decide
from kehu.serve.rights.models import Erasure, Request
from kehu.serve.rights.office import PURPOSE, require
from kehu.serve.rights.scope import Scope, scope_of
from kehu.vault import erasure as vault
from kehu.vault.assignment import detach
from kehu.vault.assignment import lock as lock_links
from kehu.vault.ids import new_id
from kehu.vault.parted import tell_parted
from kehu.vault.rotation import ENDS_WITHIN, EPOCH

_log = logging.getLogger(__name__)


class HolderFailed(RuntimeError):
    """A holder could not erase; nothing was, the erasure stays begun and runs again by itself."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an erasure: a certificate, or it waits on a hold."""

    id: UUID | None
    waiting: bool
    certificate: dict[str, Any] | None
    unconfirmed: tuple[UUID, ...]


@dataclass(slots=True)
class _Run:
    """What one transaction works with."""

    row: Erasure
    part: list[UUID]
    customer: list[UUID]
    states: list[StateEntry]
    parted: list[UUID] = field(default_factory=list)
    erased: Counter[str] = field(default_factory=Counter)
    tombstones: list[bytes] = field(default_factory=list)
    suppressions: vault.Suppressions | None = None
    until: date = date.max

    @property
    def noted(self) -> Noted:
        """What is noted beside the database."""
        return Noted(self.row.id, tuple(self.tombstones), self.until, self.suppressions, self.row.certificate)


def plan(subject: UUID, *, actor: Actor, confirm: Sequence[UUID] = ()) -> dict[str, Any]:
    """What an erasure would take and what it would leave, and why; nothing changes. That somebody looked is recorded.

    Raises:
        Refused: the role, the token, a policy, or a second factor that was not shown lately.
        UnknownSubject: not here.
        ValueError: what is confirmed is no part of this customer.
    """
    require("erase", actor)
    scope = scope_of(subject, confirm)
    seq = _admitted(scope.part, actor, None)
    connection.ensure_connection()
    raw = connection.connection
    states = subject_states.states_of(scope.part[0])
    decided = decide(scope.part, states)
    kept = residue.what_stays(raw, scope.part, keeps=decided.keeps)
    rows = vault.count_rows(raw, scope.part)
    held = {(one.record, one.category) for one in kept}
    goes = Counter(
        name_of(CATEGORIES, facet.category)
        for facet in vault.sealed_facets(raw, scope.part)
        if (facet.record, facet.category) not in held
    )
    return {
        "subject": str(scope.customer),
        "goes": {"categories": dict(sorted(goes.items())), "rows": rows, "holders": [one.name for one in holders()]},
        "residue": [item.line() for item in decided.close()],
        "unconfirmed": [str(one) for one in scope.unconfirmed],
        "ledger": {"seq": seq},
        "waiting": _held(states),
    }


def erase(subject: UUID, *, actor: Actor, reason: str, confirm: Sequence[UUID] = ()) -> Outcome:
    """Erase the certain part of a customer, and what is confirmed to be the same person.

    Under a hold on the whole subject it waits, and runs by itself when that is released.

    Raises:
        Refused: the role, the token, or a policy refuses.
        UnknownSubject: not here.
        ValueError: no reason, or what is confirmed is no part of this customer.
        HolderFailed: nothing was erased yet; it runs again by itself.
    """
    require("erase", actor)
    require_step_up(actor)
    if not reason.strip():
        raise ValueError("reason: an erasure needs one")
    scope = scope_of(subject, confirm)
    row = unfinished_of(scope.part)
    row = _begin(subject, scope, actor, reason) if row is None else _widen(row, scope, actor)
    return _carry_out(row.id, scope, actor)


def unfinished_of(subjects: Sequence[UUID]) -> Erasure | None:
    """The erasure that was asked for by an id of these, and waits or was interrupted."""
    wanted = {str(subject) for subject in subjects}
    return next((row for row in Erasure.objects.exclude(state="done") if row.subjects[0] in wanted), None)


def leave_out_parted(subjects: Sequence[UUID]) -> None:
    """Let erasures that are not done name nobody who was parted from whoever asked.

    Whoever parts calls it, in the same transaction (:mod:`kehu.vault.parted`). It has to be written down while both are here:
    once the import of whoever asked is taken back, nobody could tell.
    """
    touched, waiting = {str(subject) for subject in subjects}, Erasure.objects.exclude(state="done")
    named = [row.id for row in waiting if not touched.isdisjoint(row.subjects)]
    for row in waiting.select_for_update().filter(id__in=named).order_by("id") if named else ():
        parted = _parted_from(UUID(row.subjects[0]), row.subjects)
        if parted:
            row.subjects = [one for one in row.subjects if UUID(one) not in parted]
            row.save(update_fields=["subjects"])
        for subject in parted:
            _end_erasure_of(subject)


def _parted_from(asked: UUID, named: Sequence[str]) -> list[UUID]:
    """Who of these is here and another customer than whoever asked, who is here as well."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select s.subject from subject_state a join subject_state s on s.customer <> a.customer"
            " where a.subject = %s and not a.hidden and s.subject = any (%s::uuid[]) and not s.hidden order by s.subject",
            [asked, list(named)],
        )
        return [row[0] for row in cursor.fetchall()]


def _end_erasure_of(subject: UUID) -> None:
    """What stands on somebody for another's erasure acts no more, unless one was asked for by an id of theirs."""
    customer = part_of(subject, whole=True)
    if unfinished_of(customer) is None:
        StateEntry.objects.filter(subject__in=customer, kind="erasure", ended_at=None).update(ended_at=timezone.now())
        subject_states.project(subject)


def finish(row: Erasure, *, done: Collection[UUID] | None = None) -> Outcome:
    """Carry out an erasure that waited or was interrupted, as whoever asked for it; under a hold it waits on.

    It reaches what is theirs for certain by now, and nobody who was found to be somebody else since. One that an older copy
    brought back unfinished is done: the home's file does it again, whole, once its keys open (:mod:`kehu.guard.tombstones`).
    ``done``: what that file knows, where it was read before.

    Raises:
        HolderFailed: nothing was erased yet; it runs again by itself.
    """
    if row.id in (noted(installation().home) if done is None else done):
        return Outcome(row.id, True, None, tuple(UUID(one) for one in row.unconfirmed))
    named, actor = [UUID(one) for one in row.subjects], _who_asked(row)
    try:
        whole = set(part_of(named[0], whole=True))
        scope = scope_of(named[0], [one for one in named if one in whole])
        try:
            row = _widen(row, scope, actor)
        except Refused:  # whoever asked has another post by now: what they began is the house's to finish
            row = _widen(row, scope, owner_actor())
    except UnknownSubject:  # their import was taken back meanwhile
        scope = Scope(named[0], tuple(named), tuple(UUID(one) for one in row.unconfirmed))
    return _carry_out(row.id, scope, actor)


def finish_unfinished() -> list[Outcome]:
    """Carry out whatever was interrupted, or waited on a hold that is no more (also one whose end has passed).

    One that fails does not keep the others from running; it stays begun.

    Raises:
        Exception: the first that nobody foresaw, once all others have run.
    """
    outcomes: list[Outcome] = []
    unforeseen: list[Exception] = []
    rows = list(Erasure.objects.exclude(state="done").order_by("asked_at"))
    done = noted(installation().home).keys() if rows else frozenset[UUID]()  # once for all: it grows with every erasure
    for row in rows:
        try:
            outcomes.append(finish(row, done=done))
        except HolderFailed as failed:
            _log.error("erasure %s: holder %s failed", row.id, failed.holder)
        except Refused as refused:  # whoever is asked for it
            _log.error("erasure %s: refused by %s", row.id, refused.policy)
        except Exception as wrong:  # noqa: BLE001  (whatever it is, it is one person's erasure: others wait behind it)
            unforeseen.append(wrong)
    if unforeseen:
        raise unforeseen[0]
    return outcomes


def _begin(subject: UUID, scope: Scope, actor: Actor, reason: str) -> Erasure:
    id = new_id()
    _admitted(scope.part, actor, id)

    def work() -> Erasure:
        row = Erasure.objects.create(
            # whose id it was asked for by comes first: after an un-merge it is theirs
            id=id, state="begun", subjects=[str(subject), *(str(one) for one in scope.part if one != subject)],
            unconfirmed=[str(one) for one in scope.unconfirmed], by=actor.staff,
            reason=seal_under(subject, reason, place=id),
        )  # fmt: skip
        # from here on only legal, claims and rights requests read the person
        subject_states.enter(subject, "erasure", by=actor.staff, id=new_id())
        return row

    return retried(work)


def _widen(row: Erasure, scope: Scope, actor: Actor) -> Erasure:
    """An erasure that waits or was interrupted reaches what is confirmed by now, too."""
    added = [one for one in scope.part if str(one) not in row.subjects]
    if added:
        _admitted(added, actor, row.id)
        row.subjects = [*row.subjects, *map(str, added)]
        row.unconfirmed = [one for one in row.unconfirmed if UUID(one) not in added]
        row.save(update_fields=["subjects", "unconfirmed"])
    return row


def _admitted(part: Sequence[UUID], actor: Actor, detail: UUID | None) -> int:
    """The gate's decision on this use, recorded on exactly these origin subjects; nothing is opened yet."""
    opened = gate().open(part, actor=actor, purpose=PURPOSE, use="erase", kinds=(), detail=detail, reach="origins")
    if not opened[0].decision.finds:
        raise Refused(next(iter(opened[0].decision.fields.values()))[0].policy)
    return opened[0].seq


def _carry_out(id: UUID, scope: Scope, actor: Actor) -> Outcome:
    run = retried(lambda: _transaction(id, actor))
    if run is None:
        return Outcome(id, True, None, scope.unconfirmed)
    if run.tombstones:
        note(installation().home, run.noted)
    return Outcome(id, False, run.row.certificate, scope.unconfirmed)


def _transaction(id: UUID, actor: Actor) -> _Run | None:
    """The whole erasure; None where a hold on the whole subject stands in its way."""
    connection.ensure_connection()
    raw: Connection[Any] = connection.connection
    lock_links(raw)  # before the row: whoever parts holds it, too, when they come to the row
    row = Erasure.objects.select_for_update().get(id=id)
    if row.state == "done":  # somebody else was faster
        return _Run(row, [], [], [])
    run = _locked_run(raw, row)
    if _held(run.states):
        row.state = "waiting"
        row.save(update_fields=["state"])
        return None
    StateEntry.objects.filter(
        subject__in=[*run.customer, *run.parted], kind="erasure", ended_at=None
    ).update(ended_at=timezone.now())  # fmt: skip
    items, body = _seal_what_stays(raw, run) if run.part else ([], None)
    run.tombstones = vault.tombstone_tokens(raw, installation().tokens, run.part)
    run.until = next((item.until for item in items if item.key == "tombstone"), run.until)
    vault.write_tombstones(raw, run.tombstones, id, until=run.until)
    stays = detach(raw, run.part, by=actor.staff)
    for holder in holders():
        for subject in run.part:
            run.erased[holder.name] += _erased_by(holder, subject)
    for other in sorted({*run.customer, *run.parted} - set(run.part)):
        subject_states.project(other)
    _close(raw, run, items, body)
    tell_parted(stays)
    return run


def _locked_run(raw: Connection[Any], row: Erasure) -> _Run:
    """The customer of an erasure, locked. What went meanwhile (its import was taken back and erased) is left out.

    So is who was parted from them since: a wrong merge destroys nobody else's data.
    """
    named = [UUID(one) for one in row.subjects]
    found = raw.execute(
        "select s.subject, s.hidden, s.customer from subject_state s where s.customer in (select n.customer"
        " from subject_state n where n.subject = any (%s)) order by s.subject",
        (named,),
    ).fetchall()
    vault.lock_subjects(raw, [subject for subject, _, _ in found])
    of = {subject: customer for subject, hidden, customer in found if not hidden}
    theirs = next((of[one] for one in named if one in of), None)
    part = [subject for subject, hidden, customer in found if subject in named and (hidden or customer == theirs)]
    customer = [subject for subject, _, _ in found if subject in part or of.get(subject, row.id) == theirs]
    parted = [subject for subject in of if subject not in customer]
    return _Run(row, part, customer, subject_states.states_on(customer), parted)


def _seal_what_stays(raw: Connection[Any], run: _Run) -> tuple[list[Item], bytes]:
    decided = decide(run.part, run.states)
    body, _ = residue.reseal(raw, run.row.id, run.part, paper_of(run.row, run.part, run.states), keeps=decided.keeps)
    items = decided.close()
    _suppress(raw, run, decided, items)
    Request.objects.filter(subject__in=run.part).update(certificate=run.row.id)
    return items, body


def _suppress(raw: Connection[Any], run: _Run, decided: Decided, items: Sequence[Item]) -> None:
    until = next((item.until for item in items if item.key == "suppression"), None)
    if until is not None:
        purposes, opted_out = decided.suppresses
        run.suppressions = vault.Suppressions(tuple(sorted(decided.addresses)), tuple(purposes), opted_out, until)
        vault.write_suppressions(raw, run.suppressions, run.row.id)


def _erased_by(holder: Holder, subject: UUID) -> int:
    try:
        return holder.erase(subject)
    except Exception:  # noqa: BLE001  (whatever a holder raises may quote a value: only its name goes on)
        raise HolderFailed(holder.name) from None


def _close(raw: Connection[Any], run: _Run, items: Sequence[Item], body: bytes | None) -> None:
    close(run.row, certificate_of(raw, run.row, items, erased=run.erased, keys=len(run.part)), body)


def certificate_of(
    raw: Connection[Any], row: Erasure, items: Sequence[Item], *, erased: Mapping[str, int], keys: int
) -> dict[str, Any]:
    """The certificate of an erasure that is carried out now: how many things of each holder went, and what is left."""
    now = timezone.now()
    epoch, began = raw.execute(
        "select epoch, began_at from key_epoch where retired_at is null order by epoch desc limit 1"
    ).fetchone() or (0, now)
    return {
        "id": str(row.id),
        "asked_at": row.asked_at.isoformat(),
        "erased_at": now.isoformat(),
        "erased": dict(erased),
        "keys_destroyed": keys,
        "residue": [item.line() for item in items],
        # a backup of the keys made before today opens nothing once this epoch's key is destroyed
        "backups": {"epoch": epoch, "final_from": (max(now, began + EPOCH) + ENDS_WITHIN).astimezone(UTC).isoformat()},
        "rules": installation().rules.digest.hex(),
    }


def close(row: Erasure, certificate: dict[str, Any], body: bytes | None) -> None:
    """Write an erasure down as done, on the day that its certificate says; it names nobody from here on."""
    row.certificate, row.done_at = certificate, datetime.fromisoformat(certificate["erased_at"])
    row.state, row.subjects, row.unconfirmed, row.reason, row.residue = "done", [], [], None, body
    row.save()


def _held(states: Sequence[StateEntry]) -> bool:
    return any(row.kind == "hold" and row.categories == 0 for row in states)


def _who_asked(row: Erasure) -> Actor:
    """Whoever asked; the owner where that account is closed by now."""
    staff = Staff.objects.filter(id=row.by, is_active=True).first()
    return actor_of(staff.email) if staff else owner_actor()


def finished(id: UUID) -> Erasure | None:
    """A finished erasure by its certificate's id."""
    return Erasure.objects.filter(id=id, state="done").first()
