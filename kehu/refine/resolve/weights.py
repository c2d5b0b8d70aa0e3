"""Weights of linkage as versions: learned by a run, compared, put in force by a person, and in force one at a time.

Whatever links reads :func:`weights_in_force`: in bulk, live and on Spark. What a run learns is a candidate. The first of
a group is in force by itself, and so is one by which next to nothing changes (:data:`FEW`); any other waits until
somebody of the privacy office or a manager has seen what it changes. Docs: decisions/0036.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import log2
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.ledger.record import record_act
from kehu.refine.models import CANDIDATE, IN_FORCE, LEARNED, RETIRED, SHIPPED, TAUGHT, LinkageRun, Weights
from kehu.refine.resolve.compare.odds import Label, chance, moved, shift_of
from kehu.refine.resolve.opening import KIND_NUMBERS, PURPOSE, Group
from kehu.vault.ids import new_id

FEW: Final = 0.001
"""Share of the pairs joined or asked about that may change sides where weights come in force by themselves."""
_LABELS: Final = """
select weight, evidence, weights, verdict = 'yes' from refine_answer
where decided and withdrawn_at is null and weight is not null and controller = %s and kind = %s order by at desc limit 5000
"""


class UnknownWeights(LookupError):
    """There is no such version."""


class NotCompared(ValueError):
    """Nobody has seen yet what it would change of what is in force now."""


class NothingLearned(ValueError):
    """The answers so far are too few, or say nothing that the weights in force do not."""


@dataclass(frozen=True, slots=True)
class Judged:
    """How weights fare with what people decided: how many, how many they are right about, and the mean surprise in bits."""

    labels: int
    right: int
    surprise: float


def weights_in_force(group: Group) -> Mapping[str, Any] | None:
    """What to link by; None before the first run."""
    held = version_in_force(group)
    return as_of_now(held) if held else None


def as_of_now(held: Weights) -> dict[str, Any]:
    """A version's weights, with the share of pairs that are one customer as the last run of everybody measured it.

    That share falls as customers become more, whatever the weights; a version only says by how many bits it is moved.
    """
    share = _measured(group_of(held))
    return held.content if share is None else {**held.content, "prior": moved(share, held.content.get("shift", 0.0))}


def version_in_force(group: Group) -> Weights | None:
    """The version that a group is linked by; None before the first run."""
    return Weights.objects.filter(controller=group.controller, kind=group.kind, state=IN_FORCE).first()


def all_in_force() -> dict[str, Any]:
    """What to link by, by the names of groups."""
    return {group_of(held).name: as_of_now(held) for held in Weights.objects.filter(state=IN_FORCE)}


def versions() -> list[Weights]:
    """Every version, by group, the newest first."""
    return list(Weights.objects.order_by("controller", "kind", "-number"))


def version_of(id: UUID) -> Weights:
    """One version.

    Raises:
        UnknownWeights: there is none.
    """
    found = Weights.objects.filter(id=id).first()
    if found is None:
        raise UnknownWeights(str(id))
    return found


def group_of(held: Weights) -> Group:
    """The group that a version is of."""
    return Group(held.controller, "person" if held.kind == "person" else "organisation")


def group_named(name: str) -> Group | None:
    """The group of that name; None for a name that none has."""
    controller, _, kind = name.partition(":")
    if not controller.isdecimal() or len(controller) > 5 or kind not in KIND_NUMBERS:
        return None
    return Group(int(controller), "person" if kind == "person" else "organisation")


def keep_learned(group: Group, content: Mapping[str, Any], *, run: UUID) -> Weights | None:
    """Keep what a run learned: in force where nothing was learned before, else a candidate; None where it is known.

    Candidates of earlier runs that nobody put in force are retired: they were learned of what has changed since.
    """
    with transaction.atomic():
        _lock(group)
        now, held = timezone.now(), version_in_force(group)
        if held is not None and all(
            held.content.get(name) == content.get(name) for name in ("version", "levels", "chances")
        ):
            return None
        _of(group).filter(state=CANDIDATE, origin__in=[LEARNED, SHIPPED]).update(state=RETIRED, retired_at=now)
        # weights of another model say nothing of this one's degrees: linkage leaves them unread
        first = held is None or held.origin == SHIPPED or held.content["version"] != content["version"]
        if held is not None and first:
            Weights.objects.filter(id=held.id).update(state=RETIRED, retired_at=now)
        return _added(
            group, content, origin=LEARNED if content.get("levels") else SHIPPED, run=run,
            state=IN_FORCE if first else CANDIDATE, in_force_at=now if first else None,
        )  # fmt: skip


def teach(group: Group, *, actor: Actor) -> Weights:
    """Make a candidate of the version in force and what people answered: all weights moved by as many bits as they say.

    Raises:
        ActRefused: the role may not.
        UnknownWeights: nothing is in force yet.
        NothingLearned: too few answers, or less than a tenth of a bit.
    """
    require_act("teach-weights", actor)
    with transaction.atomic():
        _lock(group)
        held = version_in_force(group)
        if held is None:
            raise UnknownWeights(group.name)
        found = labels_under(held)
        bits = shift_of(found)
        if abs(bits) < 0.1:
            raise NothingLearned
        content = {
            **held.content, "prior": moved(held.content["prior"], bits), "shift": held.content.get("shift", 0.0) + bits,
        }  # fmt: skip
        made = _added(
            group, content, origin=TAUGHT, run=held.run, base=held.id, labels=len(found), made_by=actor.human,
            state=CANDIDATE,
        )  # fmt: skip
        record_act("teach-weights", None, actor=actor, purpose=PURPOSES[PURPOSE], detail=made.id)
        return made


def put_in_force(id: UUID, *, actor: Actor) -> Weights:
    """Have everybody linked by this version from now on. What was joined or decided stays as it is.

    Raises:
        ActRefused: the role may not.
        UnknownWeights: there is none, or it is in force already.
        NotCompared: it was not compared with what is in force now.
    """
    require_act("adopt-weights", actor)
    return _put_in_force(id, actor, by=actor.human)


def put_in_force_by_itself(id: UUID, *, actor: Actor) -> Weights | None:
    """As :func:`put_in_force`, where it changes next to nothing; None where somebody should look first.

    Args:
        actor: whose run learned it; the ledger's row is theirs.
    """
    return _put_in_force(id, actor, by=None) if changes_little(version_of(id)) else None


def changes_little(held: Weights) -> bool:
    """Whether so few pairs change sides, none of them from joined to apart or back, and no label is lost."""
    seen = held.compared or {}
    if not seen or held.origin == TAUGHT:
        return False
    far = seen["sides"].get("merge>apart", 0) + seen["sides"].get("apart>merge", 0)
    lost = seen["judged"][1]["right"] < seen["judged"][0]["right"]
    return not far and not lost and seen["changed"] <= FEW * seen["pairs"]


def is_sample(older: UUID, younger: UUID) -> bool:
    """Whether a comparison of versions names these two: who may review them may look at such a pair, and at no other."""
    return Weights.objects.filter(compared__samples__contains=[[str(older), str(younger)]]).exists()


def weighed_by(group: Group, run: UUID | None) -> Weights | None:
    """The version that a run weighed pairs by, though another may be in force now; None: nobody knows any more.

    That is what it learned itself, where that came in force at once; else what was in force when it began.
    """
    held = LinkageRun.objects.filter(id=run).first() if run else None
    if held is None:
        return None
    own = _of(group).filter(run=held.id, in_force_by=None, in_force_at__lte=held.ended_at or timezone.now())
    before = _of(group).filter(in_force_at__lte=held.started_at).exclude(retired_at__lte=held.started_at)
    found: Weights | None = own.first() or before.order_by("-in_force_at").first()
    return found


def labels_under(held: Weights, content: Mapping[str, Any] | None = None) -> list[Label]:
    """What people decided of this group, weighed by a version.

    Args:
        content: other weights of the same group to weigh by.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LABELS, [held.controller, KIND_NUMBERS[group_of(held).kind]])
        rows = cursor.fetchall()
    by, found = content or held.content, list[Label]()
    shifts = {one.id: one.content.get("shift", 0.0) for one in _of(group_of(held))}
    for weight, evidence, version, yes in rows:
        degrees = evidence if isinstance(evidence, dict) else _parsed(evidence)
        if (content is None and version == held.id) or (not degrees and version not in shifts):
            bits = float(weight)
        elif degrees:
            bits = weight_by(by, degrees)
        else:  # all that is known is by how many bits people had moved either version
            bits = float(weight) + by.get("shift", 0.0) - shifts[version]
        found.append((bits, bool(yes)))
    return found


def weight_by(content: Mapping[str, Any], evidence: Mapping[str, Any]) -> float:
    """The match weight in bits that these degrees of agreement have by these weights; frequencies as they were then."""
    bits = log2(content["prior"] / (1 - content["prior"]))
    for name, (degree, then, rare) in evidence.items():
        levels = content["levels"].get(name)
        known = levels is not None and degree < len(levels)
        bits += (log2(levels[degree][0] / levels[degree][1]) if known else then) + rare
    return bits


def judged(found: list[Label]) -> Judged:
    """How weights fare with labels: right is a weight over even odds for what people called one, under it else."""
    right = sum((weight >= 0) == yes for weight, yes in found)
    surprise = sum(-log2(max(chance(w) if yes else 1 - chance(w), 2.0**-40)) for w, yes in found)
    return Judged(len(found), right, surprise / len(found) if found else 0.0)


def _put_in_force(id: UUID, actor: Actor, *, by: UUID | None) -> Weights:
    with transaction.atomic():
        made = version_of(id)
        _lock(group_of(made))
        made.refresh_from_db()
        held, now = version_in_force(group_of(made)), timezone.now()
        if made.state == IN_FORCE:
            raise UnknownWeights(str(id))
        if held is not None:
            if (made.compared or {}).get("against") != str(held.id):
                raise NotCompared(str(id))
            Weights.objects.filter(id=held.id).update(state=RETIRED, retired_at=now)
        made.state, made.in_force_at, made.in_force_by, made.retired_at = IN_FORCE, now, by, None
        made.save()
        record_act("adopt-weights", None, actor=actor, purpose=PURPOSES[PURPOSE], detail=made.id)
        return made


def _of(group: Group) -> Any:
    return Weights.objects.filter(controller=group.controller, kind=group.kind)


def _added(group: Group, content: Mapping[str, Any], **facts: Any) -> Weights:
    number = (_of(group).aggregate(Max("number"))["number__max"] or 0) + 1
    return Weights.objects.create(
        id=new_id(), controller=group.controller, kind=group.kind, number=number, content=dict(content), **facts
    )


def _lock(group: Group) -> None:
    """One at a time for a group, also where it has no row yet."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtext(%s))", [f"weights {group.name}"])


def _measured(group: Group) -> float | None:
    """The share of pairs that are one customer, as the last run of everybody measured it."""
    run = LinkageRun.objects.filter(state="done", everything=True).order_by("-started_at").first()
    return run.weights.get(group.name, {}).get("prior") if run else None


def _parsed(text: Any) -> dict[str, Any]:
    """A column of type jsonb, which Django hands out as text."""
    found: dict[str, Any] = json.loads(text) if text else {}
    return found
