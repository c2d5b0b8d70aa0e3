"""Subscriptions: by which medium and on which topic a customer may be written to, apart from what their data may serve.

Each statement is one row of :class:`~kehu.govern.models.Subscription`, never changed, only followed by another. What policies
read is packed into ``subject_state.subscriptions`` in the same transaction: ``{"medium:topic": [status, ground]}``, null for
whoever said nothing. Where it was projected onto another certain part its anchor stands behind (``[status, ground,
anchor]``); a subscription that stands on the rest of its certain part keeps what it covers below it (``[status, ground,
anchor, below]``), as consents do (:mod:`kehu.govern.covers`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.utils import timezone
from psycopg import Connection

from kehu.govern.covers import SUBSCRIPTION, Packed, anchor_of, cover, is_cover, uncover
from kehu.govern.models import Subscription
from kehu.govern.parts import Held, hold, hold_all, part_of, retried
from kehu.govern.slugs import MEDIA
from kehu.govern.topics import topic_named

STATUSES: Final = ("suppressed", "unsubscribed", "subscribed")  # strictest first
GROUNDS: Final = ("consent", "existing", "none")

# One of each customer speaks for it, and of a medium and topic only where its certain part is not suppressed already, nor
# itself spared. Each look-up is one of its own, by key: of tables that just grew the database knows nothing, and would join
# them in a loop.
_UNSAID: Final = """
with named as materialized (
    select s.customer, s.core, s.subject from subject_state s where s.subject = any (%(subjects)s::uuid[]) and not s.hidden
), due as (
    select distinct on (o.customer, k.key) o.subject, k.key from named o cross join unnest(%(keys)s::text[]) as k (key)
        cross join lateral (select bool_or(x.subscriptions -> k.key ->> 0 = 'suppressed') as so from subject_state x
            where x.customer = o.customer and x.core = o.core and not x.hidden) stands
    where stands.so is not true and (o.subject, k.key) not in (
        select * from unnest(%(spared_subjects)s::uuid[], %(spared_keys)s::text[]) as u (subject, key))
    order by o.customer, k.key, o.subject
)
select subject, key from due order by subject, key
"""
_STATE: Final = """
insert into govern_subscription (id, subject, medium, topic, status, ground, at, way, language, proof, recorded_by, recorded_at)
select u.id, u.subject, split_part(u.key, ':', 1), split_part(u.key, ':', 2), 'suppressed', '', %(now)s, u.way, '', '',
    %(by)s, %(now)s
from unnest(%(ids)s::uuid[], %(subjects)s::uuid[], %(keys)s::text[], %(ways)s::text[]) as u (id, subject, key, way)
"""
# On the certain part of who spoke it is its own word, on the rest of the customer one that an un-merge takes off again.
_STAND_ON_ALL: Final = """
with w as materialized (
    select u.key, s.* from unnest(%(subjects)s::uuid[], %(keys)s::text[]) as u (subject, key) cross join lateral (
        select x.customer, x.core, (select y.subject from subject_state y where y.customer = x.customer and y.core = x.core
            and not y.hidden order by y.subject limit 1) as first
        from subject_state x where x.subject = u.subject offset 0) s
), said as materialized (
    select x.subject, array_agg(w.key) as keys, jsonb_object_agg(w.key, case when x.core = w.core
        then '["suppressed", ""]'::jsonb else jsonb_build_array('suppressed', '', w.first::text) end) as words
    from w cross join lateral (select y.subject, y.core from subject_state y where y.customer = w.customer
        and not y.hidden and (y.core = w.core or not coalesce(y.subscriptions -> w.key ->> 0 = 'suppressed'
            and jsonb_array_length(y.subscriptions -> w.key) = 2, false)) offset 0) x group by x.subject
)
update subject_state s set
    subscriptions = coalesce(s.subscriptions, '{}') || (select said.words from said where said.subject = s.subject),
    lifted = nullif(s.lifted - (select said.keys from said where said.subject = s.subject), '{}')
where s.subject = any (array(select said.subject from said))
"""
_PUT: Final = """
update subject_state set subscriptions = coalesce(subscriptions, '{}') || jsonb_build_object(%(key)s::text, %(packed)s::jsonb),
    lifted = nullif(lifted - %(key)s::text, '{}') where subject = any (%(subjects)s)
    and not coalesce(subscriptions -> %(key)s::text ->> 0 = any (%(stay)s)
        or %(rest)s and subscriptions -> %(key)s::text = jsonb_build_array(%(packed)s::jsonb -> 0, %(packed)s::jsonb -> 1), false)
"""
_WRITE: Final = """
update subject_state set subscriptions = case when %(word)s::jsonb is null then nullif(subscriptions - %(key)s::text, '{}')
    else coalesce(subscriptions, '{}') || jsonb_build_object(%(key)s::text, %(word)s::jsonb) end,
    lifted = case when %(aside)s::jsonb is null then lifted
    else coalesce(lifted, '{}') || jsonb_build_object(%(key)s::text, %(aside)s::jsonb) end
where subject = %(subject)s
"""


class SuppressedHere(RuntimeError):
    """A do-not-call list or the like stands against it: nobody subscribes over it but the customer themselves."""


@dataclass(frozen=True, slots=True)
class Said:
    """How it was said: enough to prove it. ``ground`` of a ``subscribed`` only; ``own``: by the customer themselves.

    ``at``: when, if it was before now; whoever says so has seen that nothing later was said.
    """

    status: str
    way: str
    ground: str = ""
    language: str = ""
    notice: int | None = None
    evidence: bytes | None = None
    proof: str = ""
    own: bool = False
    at: datetime | None = None

    def checked(self) -> Said:
        """The same.

        Raises:
            ValueError: no such status or ground, or a ground where nobody subscribes.
        """
        if self.status not in STATUSES:
            raise ValueError(f"status: one of {', '.join(STATUSES)}")
        if self.status == "subscribed" and self.ground not in GROUNDS:
            raise ValueError(f"ground: one of {', '.join(GROUNDS)}")
        if self.status != "subscribed" and self.ground:
            raise ValueError("ground: of a subscription only")
        return self


@dataclass(frozen=True, slots=True)
class Standing:
    """What counts for a customer now, of one medium and topic: the strictest of its origin subjects."""

    medium: str
    topic: str
    status: str
    ground: str


def say(subject: UUID, medium: str, topic: str, *, said: Said, recorded_by: UUID, id: UUID) -> Subscription:
    """Record what a customer said of one medium and topic; acts on the next read.

    A subscription acts on the certain part of the customer; an opt-out and a suppression on every origin subject, and stay
    with them. A no that is said while a subscription waits stays.

    Raises:
        UnknownSubject: not here.
        SuppressedHere: a suppression stands, and it is not the customer who speaks.
        ValueError: no such medium, topic, status or ground.
    """
    if medium not in MEDIA:
        raise ValueError(f"medium: one of {', '.join(MEDIA)}")
    topic_named(topic)
    told, begun = said.checked(), timezone.now()

    def work() -> Subscription:
        held = hold(subject)
        now = begun if told.status == "subscribed" else timezone.now()
        key = f"{medium}:{topic}"
        if told.status == "subscribed" and not told.own and _strictest(_packed(held.whole), key)[0] == "suppressed":
            raise SuppressedHere(key)
        row = Subscription.objects.create(
            id=id, subject=subject, medium=medium, topic=topic, status=told.status, ground=told.ground, at=told.at or now,
            way=told.way, language=told.language, notice=told.notice, evidence=told.evidence, proof=told.proof,
            recorded_by=recorded_by, recorded_at=now,
        )  # fmt: skip
        if told.status == "subscribed":
            if not _stopped_since(held.whole, medium, topic, begun):  # whoever said no meanwhile said it later
                _subscribe(subject, held, key, told.ground)
        else:
            # a suppression is not lifted by a milder no, and of the rest nobody's own word that is as strict
            stricter = STATUSES[: STATUSES.index(told.status)]
            _project(held.part, key, [told.status, ""], stay=stricter)
            _project(held.rest, key, [told.status, "", str(held.part[0])], stay=stricter, rest=True)
        return row

    return retried(work)


def suppress_all(
    subjects: Sequence[UUID], keys: Iterable[tuple[str, str]], *, way: str, recorded_by: UUID, ids: Iterator[UUID],
    spared: Collection[tuple[UUID, str]] = (),
) -> list[UUID]:  # fmt: skip
    """Suppress these media and topics for many customers at once, in the caller's transaction: what :func:`say` does of each.

    Args:
        subjects: origin subjects; those not here are passed over, and of one customer's several the first speaks.
        keys: media and topics.
        way: what suppresses them, as it is named beside the statement.
        recorded_by: who brings it.
        ids: of the statements, without end.
        spared: subjects of whom one ``medium:topic`` is left as it is.

    Returns:
        Whom anything was said of that did not stand already.
    """
    named = [f"{medium}:{topic}" for medium, topic in keys]
    hold_all(subjects)
    with connection.cursor() as cursor:
        asked: dict[str, Any] = {"subjects": list(subjects), "keys": named}
        asked |= {"spared_subjects": [one for one, _ in spared], "spared_keys": [key for _, key in spared]}
        cursor.execute(_UNSAID, asked)
        unsaid = cursor.fetchall()
        if not unsaid:
            return []
        stated = [(next(ids), subject, key, way) for subject, key in unsaid]
        state_suppressed(connection.connection, stated, recorded_by=recorded_by, now=timezone.now())
        said = {"subjects": [subject for subject, _ in unsaid], "keys": [key for _, key in unsaid]}
        cursor.execute(_STAND_ON_ALL, said)
    return list(dict.fromkeys(subject for subject, _ in unsaid))


def state_suppressed(
    raw: Connection[Any], stated: Sequence[tuple[UUID, UUID, str, str]], *, recorded_by: UUID, now: datetime
) -> None:
    """Write statements down that suppress, in the caller's transaction; what stands then is the caller's to put.

    Args:
        raw: the connection of that transaction.
        stated: of each its id, the origin subject, ``medium:topic`` and what suppresses it.
    """
    ids, subjects, keys, ways = (list(column) for column in zip(*stated, strict=True))
    raw.execute(_STATE, {"ids": ids, "subjects": subjects, "keys": keys, "ways": ways, "by": recorded_by, "now": now})


def standing(subject: UUID, *, whole: bool = True) -> list[Standing]:
    """What counts now of every medium and topic that somebody said something of; nothing said is not listed.

    Raises:
        UnknownSubject: not here.
    """
    parts = _packed_parts(part_of(subject, whole=whole))
    keys = sorted({key for rows in parts for row in rows for key in row})
    found = []
    for key in keys:
        medium, _, topic = key.partition(":")
        words = [_strictest(rows, key) for rows in parts]
        # a part that said nothing is left out of what is sent, and silences no other
        said = [{key: list(word)} for word in words if word[0] != "none"]
        status, ground = _strictest(said, key) if said else ("none", "")
        found.append(Standing(medium, topic, status, ground))
    return found


def subscriptions_of(subject: UUID) -> list[Subscription]:
    """Everything every origin subject of this customer said, newest first.

    Raises:
        UnknownSubject: not here.
    """
    return list(Subscription.objects.filter(subject__in=part_of(subject, whole=True)).order_by("-recorded_at", "-id"))


def _strictest(rows: Iterable[dict[str, Any]], key: str) -> tuple[str, str]:
    """Of what the origin subjects said; one that said nothing counts as ``none``, between no and yes."""
    order = ("suppressed", "unsubscribed", "none", "subscribed")
    said = [row.get(key) or ["none", ""] for row in rows]
    status = min((str(one[0]) for one in said), key=order.index)
    grounds = [str(one[1]) for one in said if one[0] == status]
    return status, max(grounds, key=GROUNDS.index) if status == "subscribed" else ""


def _packed(subjects: Sequence[UUID]) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select subscriptions from subject_state where subject = any (%s) order by subject", [list(subjects)]
        )
        return [json.loads(row[0]) if row[0] else {} for row in cursor.fetchall()]  # Django hands jsonb out as text


def _packed_parts(subjects: Sequence[UUID]) -> list[list[dict[str, Any]]]:
    """The same, by the certain part of the customer that it is of."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select core, subscriptions from subject_state where subject = any (%s) order by subject", [list(subjects)]
        )
        parts: dict[UUID, list[dict[str, Any]]] = {}
        for core, held in cursor.fetchall():
            parts.setdefault(core, []).append(json.loads(held) if held else {})
    return list(parts.values())


def _stopped_since(subjects: list[UUID], medium: str, topic: str, since: datetime) -> bool:
    return Subscription.objects.filter(
        subject__in=subjects,
        medium=medium,
        topic=topic,
        status__in=("suppressed", "unsubscribed"),
        recorded_at__gt=since,
    ).exists()


def _subscribe(anchor: UUID, customer: Held, key: str, ground: str) -> None:
    """Let it stand on the certain part; what that part had projected onto the rest is set aside, until an un-merge."""
    _project([anchor], key, ["subscribed", ground])
    own = {str(origin) for origin in customer.part}
    with connection.cursor() as cursor:
        cursor.execute(
            "select subject, subscriptions -> %s::text from subject_state where subject = any (%s)",
            [key, [one for one in customer.whole if one != anchor]],
        )
        for one, text in cursor.fetchall():
            held: Packed | None = json.loads(text) if text else None
            word, aside = held, None
            if str(one) in own:
                word = cover(held, ["subscribed", ground], str(anchor), SUBSCRIPTION)
            elif is_cover(held, SUBSCRIPTION):
                word = uncover(held, SUBSCRIPTION, lambda other: other not in own)
            elif held is not None and anchor_of(held, SUBSCRIPTION) in own:
                word, aside = None, held
            if word != held:
                cursor.execute(
                    _WRITE,
                    {
                        "key": key, "subject": one, "word": json.dumps(word) if word is not None else None,
                        "aside": json.dumps(aside) if aside is not None else None,
                    },
                )  # fmt: skip


def _project(
    subjects: list[UUID], key: str, packed: list[str], *, stay: Sequence[str] = (), rest: bool = False
) -> None:
    """Put a word on these, save where one of ``stay`` stands; on the ``rest`` save where it is the row's own already."""
    if not subjects:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _PUT, {"key": key, "packed": json.dumps(packed), "subjects": subjects, "stay": list(stay), "rest": rest}
        )
