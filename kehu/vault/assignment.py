"""Which origin subjects are one customer: the log of links, and what it means for ``subject_state``.

The log ``assignment`` is the truth and only grows. A link is known by (older subject, younger subject, certainty, run)
and stands while its newest row is a link. ``customer`` is the oldest origin subject of everything that links join,
``core`` the oldest of what exact keys and confirmations join; both are recomputed for the touched customers only, in
the caller's transaction. Sealed records are never touched.

Writers of the log take one lock (:func:`lock`) and then the rows of ``subject_state`` in the order of subjects, as
reads do, so two of them never wait for each other. Call these functions before other changes of ``subject_state`` in
the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Connection

from kehu.govern.ages import judge_parted
from kehu.govern.merging import part_states, projected, states_to_part, unite_states
from kehu.govern.parting import take_back_words
from kehu.govern.slugs import PURPOSES
from kehu.vault import copying as to
from kehu.vault.apart import Apart
from kehu.vault.ids import in_order, new_id
from kehu.vault.parted import Together, tell_parted
from kehu.vault.plans import by_index

EXACT_KEY, CONFIRMED, PROBABLE = 1, 2, 3
# Why two were joined, as the log numbers it. Add freely; never renumber.
WHY: Final[dict[str, int]] = {
    "source-key": 1, "identity-key": 2, "contact": 3, "linkage": 4, "review": 5, "staff": 6, "request": 7,
}  # fmt: skip
_ACCURACY: Final = PURPOSES["accuracy"]
_LINK, _UNLINK = 1, 2
_LOCK_KEY: Final = 0x6B656875_6C696E6B  # "kehulink"

Pair = tuple[UUID, UUID]


class AcrossControllers(ValueError):
    """Two customers of different controllers are never one (a transfer needs a ground of its own)."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link that stands."""

    older: UUID
    younger: UUID
    certainty: int
    why: int
    run: UUID | None


@dataclass(slots=True)
class _Member:
    """An origin subject of a touched customer, as locked."""

    customer: UUID
    core: UUID
    controller: int
    has_states: bool
    has_projected: bool
    freed: bool  # a birth date put right on another of the certain part made them older
    may_link: bool  # neither restricted nor objecting to it


class _Asked(NamedTuple):
    """A link that is asked for, and what both ends are."""

    pair: Pair
    older: _Member
    younger: _Member


def lock(connection: Connection[Any]) -> None:
    """Become the only writer of the log until the transaction ends."""
    connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK_KEY,))


def assign(
    connection: Connection[Any], links: Sequence[Pair], *, certainty: int, why: int, run: UUID | None, by: UUID
) -> list[Pair]:
    """Join origin subjects two by two, in the caller's transaction; returns what may not be joined, which is left out.

    That is whoever somebody decided are two customers (:mod:`kehu.vault.apart`), by whatever chain, and whoever is
    restricted or objects to linkage, save where the person's own request is what confirms it. Links of a subject that is no
    longer here are left out, too. What was said before stays each subject's own: the gate takes the strictest of a
    customer. Restrictions, objections, holds and the like act on all from now on.

    Args:
        certainty: ``EXACT_KEY``, ``CONFIRMED`` or ``PROBABLE``.
        why: one of ``WHY``.
        run: the import or linkage that joins them; its links can be taken back together.
    Raises:
        AcrossControllers: a link would join two controllers; nothing is written.
    """
    pairs = sorted(
        {_ordered(pair) for pair in links if pair[0] != pair[1]}, key=lambda pair: (pair[0].int, pair[1].int)
    )
    if not pairs:
        return []
    lock(connection)
    with by_index(connection):
        return _join(connection, pairs, certainty=certainty, why=why, run=run, by=by)


def _join(
    connection: Connection[Any], pairs: list[Pair], *, certainty: int, why: int, run: UUID | None, by: UUID
) -> list[Pair]:
    members = _lock_members(connection, {end for pair in pairs for end in pair})
    asked = [
        _Asked(pair, one, other)
        for pair in pairs
        if (one := members.get(pair[0])) is not None and (other := members.get(pair[1])) is not None
    ]
    if any(one.controller != other.controller for _, one, other in asked):
        raise AcrossControllers("subjects of two controllers")
    allowed = _allowed(connection, members, asked, why)
    # Only what is one customer already can hold the same link already.
    joined = [end for pair, one, other in allowed if one.customer == other.customer for end in pair]
    known = {
        (link.older, link.younger)
        for link in _standing(connection, joined)
        if (link.certainty, link.run) == (certainty, run)
    }
    new = [pair for pair, _, _ in allowed if pair not in known]
    _append(connection, _LINK, [Link(*pair, certainty, why, run) for pair in new], by)
    customers = _oldest((one.customer, other.customer) for _, one, other in allowed)
    cores = _oldest((one.core, other.core) for _, one, other in allowed) if certainty <= CONFIRMED else {}
    _write(
        connection,
        members,
        lambda _, held: (customers.get(held.customer, held.customer), cores.get(held.core, held.core)),
    )
    touched = {customers.get(held.customer, held.customer) for held in members.values() if held.has_states}
    unite_states(connection, in_order(touched))
    if len(allowed) == len(asked):
        return []
    made = {pair for pair, _, _ in allowed}
    return [pair for pair, _, _ in asked if pair not in made]


def _allowed(
    connection: Connection[Any], members: Mapping[UUID, _Member], asked: Sequence[_Asked], why: int
) -> list[_Asked]:
    """What may be joined of what is asked, in its order: each counts for those after it."""
    apart = Apart(connection, {subject: held.customer for subject, held in members.items()})
    return [
        one
        for one in asked
        if (why == WHY["request"] or (one.older.may_link and one.younger.may_link)) and apart.join(*one.pair)
    ]


def unassign(
    connection: Connection[Any], links: Sequence[Pair], *, run: UUID | None, by: UUID, certainty: int | None = None
) -> int:
    """Take links between these pairs back, in the caller's transaction; returns how many stood.

    Args:
        run: only what this run joined; None: whatever joined them.
        certainty: only links of that certainty.
    """
    pairs = {_ordered(pair) for pair in links}
    lock(connection)
    with by_index(connection):
        standing = _standing(connection, {end for pair in pairs for end in pair})
        gone = [
            link for link in standing
            if (link.older, link.younger) in pairs and run in (None, link.run) and certainty in (None, link.certainty)
        ]  # fmt: skip
        parted = _divide(connection, gone, by)
    tell_parted(parted)
    return len(gone)


def links_of_run(connection: Connection[Any], run: UUID) -> list[list[Link]]:
    """The links of a run that stand, those of one customer together; read without the lock of the log."""
    found = connection.execute("select distinct subject from assignment where run = %s", (run,)).fetchall()
    links = [link for link in _standing(connection, [row[0] for row in found]) if link.run == run]
    rows = connection.execute(
        "select subject, customer from subject_state where subject = any (%b)",
        (in_order({link.older for link in links}),),
    ).fetchall()
    customers, held = dict(rows), dict[UUID, list[Link]]()
    for link in links:
        held.setdefault(customers.get(link.older, link.older), []).append(link)
    return list(held.values())


def links_after(connection: Connection[Any], run: UUID, after: UUID, *, limit: int) -> tuple[list[Link], UUID] | None:
    """The links of a run that stand of the customers that come next, and up to which subject those were looked for.

    The links of one customer come together. Takes the lock of the log, so that what comes of it is true until the
    transaction ends.

    Args:
        after: of the run's older ends those after this one; the nil id begins.
        limit: how many older ends at once.
    Returns:
        None once there are no more of them.
    """
    lock(connection)
    with by_index(connection):
        found = connection.execute(
            "select distinct subject from assignment where run = %s and subject > %s order by subject limit %s",
            (run, after, limit),
        ).fetchall()
        if not found:
            return None
        members = connection.execute(
            "select m.subject from subject_state m where m.customer in"
            " (select s.customer from subject_state s where s.subject = any (%b))",
            ([row[0] for row in found],),
        ).fetchall()
        links = _standing(connection, [row[0] for row in members])
    return [link for link in links if link.run == run], found[-1][0]


def held_by(connection: Connection[Any], links: Sequence[Link]) -> list[Together]:
    """Customers whom these links hold together, each with when the first of them was made; with the log locked."""
    runs = connection.execute(
        "select a.subject, min(a.at) from unnest(%s::uuid[], %s::uuid[], %s::uuid[]) as l (older, younger, run)"
        " join assignment a on a.subject = l.older and a.other = l.younger and a.run is not distinct from l.run group by 1",
        ([link.older for link in links], [link.younger for link in links], [link.run for link in links]),
    ).fetchall()
    since = dict(runs)
    ends = {end for link in links for end in (link.older, link.younger)}
    found: dict[UUID, Together] = {}
    for subject, customer in connection.execute(
        "select m.subject, m.customer from subject_state m where m.customer in"
        " (select s.customer from subject_state s where s.subject = any (%s)) order by 1", (in_order(ends),),
    ):  # fmt: skip
        held = found.setdefault(customer, Together([], datetime.max.replace(tzinfo=UTC)))
        held.subjects.append(subject)
        held.since = min(held.since, since.get(subject, held.since))
    return list(found.values())


def detach(connection: Connection[Any], subjects: Sequence[UUID], *, by: UUID) -> list[UUID]:
    """Take every link of subjects back who leave: before an erasure, and when their import is taken back.

    Returns who stays of their customers. The caller tells it (:func:`kehu.vault.parted.tell_parted`) once those who leave
    are gone: nobody was found to be somebody else because of it, but two who stay may be two now.
    """
    lock(connection)
    leaving = set(subjects)
    standing = _standing(connection, leaving)
    parted = _divide(connection, [link for link in standing if leaving & {link.older, link.younger}], by)
    return [subject for subject in parted if subject not in leaving]


def standing_links(connection: Connection[Any], subjects: Iterable[UUID]) -> list[Link]:
    """The links that stand on any of these subjects, oldest first."""
    return _standing(connection, subjects)


def joined_since(connection: Connection[Any], one: UUID, other: UUID) -> datetime | None:
    """When two that are one customer now last became it; None where they are two."""
    return _together_since(_history(connection, one), one).get(other)


def _history(connection: Connection[Any], subject: UUID) -> list[tuple[Any, ...]]:
    """Every row of the log of whoever was ever joined to a subject, in order: at, act, and the link."""
    return connection.execute(
        "select at, act, subject, other, certainty, run from assignment where subject = any (%s) order by seq",
        (in_order(_ever_joined(connection, subject)),),
    ).fetchall()


def _together_since(history: Sequence[tuple[Any, ...]], one: UUID) -> dict[UUID, datetime]:
    """Who is one customer with a subject after those rows, and since when without a break."""
    near: dict[UUID, dict[UUID, set[Any]]] = {}
    since: dict[UUID, datetime] = {}
    for at, act, left, right, *rest in history:
        for end, far in ((left, right), (right, left)):
            held = near.setdefault(end, {}).setdefault(far, set())
            (held.add if act == _LINK else held.discard)(tuple(rest))
            if not held:
                del near[end][far]
        inside = {end for end in (left, right) if end == one or end in since}
        if len(inside) == (1 if act == _LINK else 2):
            found = _reach(near, one)
            since = {other: since.get(other, at) for other in found - {one}}
    return since


def _reach(near: Mapping[UUID, Mapping[UUID, object]], one: UUID) -> set[UUID]:
    found, grown = {one}, [one]
    while grown:
        grown = [far for end in grown for far in near.get(end, ()) if far not in found]
        found.update(grown)
    return found


def _divide(connection: Connection[Any], gone: Sequence[Link], by: UUID) -> list[UUID]:
    """Take links back; returns everybody of the customers that they were of."""
    if not gone:
        return []
    members = _lock_members(connection, {end for link in gone for end in (link.older, link.younger)})
    states = states_to_part(connection, list(members))
    together: dict[UUID, dict[UUID, datetime]] = {}
    for subject in {state.subject for state in states}:
        together[subject] = _together_since(_history(connection, subject), subject)
    _append(connection, _UNLINK, gone, by)
    links = [link for link in _standing(connection, members) if link.older in members and link.younger in members]
    customers = _oldest((link.older, link.younger) for link in links)
    cores = _oldest((link.older, link.younger) for link in links if link.certainty <= CONFIRMED)
    _write(connection, members, lambda subject, _: (customers.get(subject, subject), cores.get(subject, subject)))
    part_states(connection, states, together, new_id)
    take_back_words(connection, [subject for subject, held in members.items() if held.has_projected])
    judge_parted(connection, [subject for subject, held in members.items() if held.freed])
    return list(members)


def _ever_joined(connection: Connection[Any], subject: UUID) -> set[UUID]:
    rows = connection.execute(
        "with recursive ever (subject) as (select %s::uuid union select case when a.subject = e.subject then a.other"
        " else a.subject end from ever e join assignment a on e.subject in (a.subject, a.other)) select subject from ever",
        (subject,),
    ).fetchall()
    return {row[0] for row in rows}


def _ordered(pair: Pair) -> Pair:
    return (pair[0], pair[1]) if pair[0] < pair[1] else (pair[1], pair[0])


def _lock_members(connection: Connection[Any], subjects: Iterable[UUID]) -> dict[UUID, _Member]:
    """Every origin subject of the customers of these, locked in the order of subjects."""
    with connection.cursor(binary=True) as cursor:
        cursor.execute(
            "select s.subject, s.customer, s.core, s.controller, s.restricted or s.opted_out or s.gpc or s.deceased"
            " or s.kept or s.held or s.held_categories <> 0 or s.objections <> '{}', " + projected("s") +
            f", s.freed_by is not null, not s.restricted and {_ACCURACY} <> all (s.objections)"
            " from subject_state s where s.customer in (select n.customer from unnest(%b::uuid[]) as t (subject)"
            " join subject_state n using (subject)) order by s.subject for no key update of s",
            (in_order(subjects),),  # %b: as text an array of ids takes six times as long to write
        )  # fmt: skip
        return {row[0]: _Member(*row[1:]) for row in cursor.fetchall()}


def _standing(connection: Connection[Any], subjects: Iterable[UUID]) -> list[Link]:
    """Links whose newest row is a link, of these subjects, oldest first."""
    wanted = in_order(subjects)
    if not wanted:
        return []
    side = "select a.* from unnest(%(subjects)b::uuid[]) as t (wanted) join assignment a on a.{} = t.wanted"
    with connection.cursor(binary=True) as cursor:
        cursor.execute(
            "select subject, other, certainty, why, run from (select distinct on (subject, other, certainty, run) *"
            f" from ({side.format('subject')} union {side.format('other')}) every"
            " order by subject, other, certainty, run, seq desc) newest where act = 1 order by seq",
            {"subjects": wanted},
        )
        return [Link(*row) for row in cursor.fetchall()]


def _append(connection: Connection[Any], act: int, links: Sequence[Link], by: UUID) -> None:
    """Add rows to the log by COPY."""
    if not links:
        return
    head, tail = to.int2(act), to.blob(by.bytes)
    rows = [
        to.row(
            head, to.blob(link.older.bytes), to.blob(link.younger.bytes), to.int2(link.certainty), to.int2(link.why),
            to.blob(link.run.bytes) if link.run else to.NULL, tail,
        )
        for link in links
    ]  # fmt: skip
    to.copy_rows(connection, "assignment", ("act", "subject", "other", "certainty", "why", "run", "by"), rows)


def _oldest(pairs: Iterable[Pair]) -> dict[UUID, UUID]:
    """The oldest of what chains of pairs join, for each that is in a pair (union-find)."""
    parents: dict[UUID, UUID] = {}

    def root(node: UUID) -> UUID:
        while (parent := parents.setdefault(node, node)) != node:
            parents[node] = parents[parent]
            node = parents[node]
        return node

    for pair in pairs:
        one, other = root(pair[0]), root(pair[1])
        if one != other:
            parents[max(one, other)] = min(one, other)
    return {node: root(node) for node in list(parents)}


def _write(
    connection: Connection[Any],
    members: Mapping[UUID, _Member],
    belongs: Callable[[UUID, _Member], Pair],
) -> None:
    """Write customer and core of the members for whom they changed."""
    changed = [
        (subject, *found)
        for subject, held in members.items()
        if (found := belongs(subject, held)) != (held.customer, held.core)
    ]
    if changed:
        subjects, customers, cores = zip(*changed, strict=True)
        connection.execute(
            "update subject_state s set customer = c.customer, core = c.core"
            " from unnest(%b::uuid[], %b::uuid[], %b::uuid[]) as c (subject, customer, core)"
            " where s.subject = c.subject",
            (list(subjects), list(customers), list(cores)),
        )
