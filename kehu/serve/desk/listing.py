"""The list of customers: keyset pages, newest first, every value masked and through the gate; and the search.

SQL narrows down by what holds no personal value (kind, law pack, consent, age of what is known); the gate decides each
customer all the same, and whoever it does not let be named is left out and counted with the policy that said so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.utils import timezone

from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.decisions import FieldAnswer
from kehu.guard.gate.read import PROFILE_KINDS, Opened, gate
from kehu.guard.gate.state import KIND, PACKS
from kehu.guard.installation import installation
from kehu.refine.survive import survive, text_of
from kehu.serve.desk.standing import Standing, standing_of
from kehu.vault.ids import first_id

PAGE: Final = 25
UNATTACHED: Final = "unattached"
STALE_MONTHS: Final = (12, 24, 36)
"""Ages by which a list may be narrowed down."""
NAMES: Final = ("full_name", "legal_name", "alias")
_TELLING: Final = frozenset({*NAMES, "phone", "landline", "email", "wechat_id"})
# what a list may show beside the name, the first four that the purpose needs
_COLUMNS: Final = (
    "phone", "email", "locality", "loyalty_tier", "credit_score", "risk_class", "payment_terms", "gender", "interests",
    "language", "favourite_store", "country",
)  # fmt: skip
_MOST_COLUMNS: Final = 4
_SCANNED: Final = 20_000  # rows of the list looked through for one page
_SAMPLED_PAGES: Final = 200  # of 8 KB: some 15,000 rows
_PAGE_BYTES: Final = 8192


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed down to; nothing here is a personal value, so it may stand in an address."""

    kind: str = ""  # "person", "organisation"; "unattached": orders and contacts of nobody known; else all but those
    pack: str = ""
    consent: str = ""  # "given": a consent for the purpose is in force; "any": whatever they said
    stale: int = 0  # months for which nobody said or confirmed anything of the profile; 0: of any age

    @classmethod
    def read(cls, given: Mapping[str, str], *, purpose: str) -> Filters:
        """Take what is known of a query; a purpose that rests on consent begins with those who gave it."""
        kind, pack, consent = given.get("kind", ""), given.get("pack", ""), given.get("consent", "")
        rests = installation().rules.purposes[purpose].kind == "consent"
        return cls(
            kind=kind if kind in (*KIND[1:], UNATTACHED) else "",
            pack=pack if pack in PACKS else "",
            consent=consent if consent in ("given", "any") else "given" if rests else "any",
            stale=next((months for months in STALE_MONTHS if given.get("stale") == str(months)), 0),
        )

    def where(self, purpose: str) -> tuple[str, dict[str, Any]]:
        """The condition on rows ``s`` of ``subject_state``, and its parameters."""
        conditions, parameters = ["s.subject = s.customer", "not s.hidden"], dict[str, Any]()
        if self.kind in KIND[1:]:
            conditions.append("s.kind = %(kind)s")
            parameters["kind"] = KIND.index(self.kind)
        conditions.append(f"not {_HAS_PROFILE}" if self.kind == UNATTACHED else _HAS_PROFILE)
        if self.pack:
            conditions.append(_UNDER)
            parameters["pack"] = PACKS[self.pack]
        if self.consent == "given":
            conditions.append(_GIVEN)
            parameters["purpose_key"] = str(PURPOSES[purpose])
        if self.stale:
            conditions.append(_STALE)
            since = timezone.now() - timedelta(days=round(self.stale * 30.44))
            parameters |= {"since": since, "since_id": first_id(since)}
        return " and ".join(conditions), parameters


# the oldest origin subject nearly always has one; only where not are the others looked at
_HAS_PROFILE: Final = """(exists (select 1 from record r where r.subject = s.subject and r.kind in (1, 2, 5) and not r.hidden)
    or exists (select 1 from subject_state m join record r using (subject)
        where m.customer = s.subject and m.subject <> s.subject and not m.hidden and r.kind in (1, 2, 5) and not r.hidden))"""
_SAID: Final = """{of}.consents -> %(purpose_key)s ->> 0 = 'given'
    and coalesce(({of}.consents -> %(purpose_key)s ->> 2)::float8 > extract(epoch from clock_timestamp()), true)"""
# As the gate counts it: a certain part agreed where each of its records did, a customer where a part agreed and nobody of it
# said anything less. A condition on what nobody said is null. Most customers have one record.
_GIVEN: Final = f"""case when not exists (select 1 from subject_state m where m.customer = s.subject and m.subject <> s.subject)
    then ({_SAID.format(of="s")}) is true
    else (select coalesce(bool_or(p.agreed) and not bool_or(p.less), false) from (
        select bool_and(g.given is true) as agreed, bool_or(g.given is false) as less
        from subject_state m cross join lateral (select {_SAID.format(of="m")} as given) g
        where m.customer = s.subject and not m.hidden group by m.core) p) end"""
_UNDER: Final = """(s.packs & %(pack)s::smallint > 0 or exists (select 1 from subject_state m
    where m.customer = s.subject and m.subject <> s.subject and not m.hidden and m.packs & %(pack)s::smallint > 0))"""
# a record's id carries when it came, and a confirmation is a record of its own
_STALE: Final = """not exists (select 1 from subject_state m join record r using (subject)
    where m.customer = s.subject and not m.hidden and r.kind in (1, 2, 5) and not r.hidden
        and case when r.said_at is null then r.id >= %(since_id)s else r.said_at >= %(since)s end)"""


@dataclass(frozen=True, slots=True)
class Row:
    """One customer of a list: masked values by field."""

    customer: UUID
    name: str
    values: Mapping[str, str] = field(repr=False)
    standing: Standing


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many of the page may not be named, and the policy that says so."""

    count: int
    policy: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the list. ``newer`` and ``older`` are ids to go on from, None at an end."""

    rows: tuple[Row, ...]
    columns: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    newer: UUID | None
    older: UUID | None
    seq: int | None


@dataclass(frozen=True, slots=True)
class Counts:
    """Customers in all, and those that match; ``exact`` where they were counted, else estimated from a sample.

    ``left_out``: those whom nothing keeps back but the consent that the list is narrowed down to.
    """

    total: int
    matching: int
    exact: bool
    left_out: int = 0


def names_of(purpose: str) -> tuple[str, ...]:
    """The names that a list may show for a purpose, the first that somebody has; none where it needs nobody's."""
    least = installation().rules.purposes[purpose].least
    return tuple(name for name in NAMES if name in least)


def tells(purpose: str) -> bool:
    """Whether a purpose needs anything by which people are told from one another: without, nobody is asked for who they are."""
    return not _TELLING.isdisjoint(installation().rules.purposes[purpose].least)


def columns_of(purpose: str) -> tuple[str, ...]:
    """The fields that a list shows for a purpose, beside the name."""
    least, field_of = installation().rules.purposes[purpose].least, installation().rules.dictionary.field
    telling = (name for name in _COLUMNS if name in least and field_of(name).mask != "all")
    return tuple(telling)[:_MOST_COLUMNS]


def list_customers(
    *, actor: Actor, purpose: str, filters: Filters, after: UUID | None = None, before: UUID | None = None
) -> Page:
    """A page: the newest customers, those older than ``after``, or those newer than ``before``."""
    found, beyond = candidates(filters, purpose, after=after, before=before)
    more = len(found) > PAGE
    found = found[:PAGE]
    if before is not None:
        found.reverse()
    page = masked_page(found, actor=actor, purpose=purpose)
    first, last = (found[0], found[-1]) if found else (None, None)
    newer: UUID | None
    older: UUID | None
    if before is not None:
        newer, older = (first if more else beyond), last or before
    else:
        newer, older = (first or after) if after is not None else None, (last if more else beyond)
    return Page(page.rows, page.columns, page.left_out, newer, older, page.seq)


def masked_page(customers: Sequence[UUID], *, actor: Actor, purpose: str) -> Page:
    """These customers as rows of a list, in this order, as far as the gate lets them be named."""
    least = installation().rules.purposes[purpose].least
    columns = columns_of(purpose)
    names = names_of(purpose)
    fields = (*names, *columns) or tuple(sorted(least))[:_MOST_COLUMNS]
    if not customers:
        return Page((), columns, (), None, None, None)
    opened = gate().open(
        customers, actor=actor, purpose=purpose, fields=fields, use="list", masked=True, kinds=PROFILE_KINDS
    )
    by_customer = {one.customer: one for one in opened}
    standing = standing_of(by_customer)
    rows, left = list[Row](), Counter[str]()
    for customer in customers:
        one = by_customer.get(customer)
        if one is None:
            continue
        if one.decision.finds:
            rows.append(_row(one, names, standing[customer]))
        else:
            left[_policy_of(one)] += 1
    out = tuple(LeftOut(count, policy) for policy, count in left.most_common())
    return Page(tuple(rows), columns, out, None, None, opened[0].seq if opened else None)


def neighbours(customer: UUID, *, purpose: str, filters: Filters) -> tuple[UUID | None, UUID | None]:
    """The next newer and the next older customer of the list; both are ids and nothing is opened."""
    newer, _ = candidates(filters, purpose, before=customer, limit=1)
    older, _ = candidates(filters, purpose, after=customer, limit=1)
    return newer[0] if newer else None, older[0] if older else None


def count_customers(*, purpose: str, filters: Filters) -> Counts:
    """How many there are and match: counted in a small installation, estimated from a fixed sample in a large one."""
    _, parameters = filters.where(purpose)
    asked, _ = replace(filters, consent="any").where(purpose)
    given = _GIVEN if filters.consent == "given" else "true"
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_relation_size(oid) / %s, reltuples::float8 from pg_class where oid = 'subject_state'::regclass",
            [_PAGE_BYTES],
        )
        pages, rows = cursor.fetchone()
        exact = pages <= _SAMPLED_PAGES
        sample = "" if exact else f"tablesample system ({100 * _SAMPLED_PAGES / pages:.6f}) repeatable (7)"
        cursor.execute(
            "select count(*) filter (where s.here), count(*) filter (where s.asked and s.given),"
            " count(*) filter (where s.asked and s.given is not true), count(*) from"
            f" (select s.subject = s.customer and not s.hidden as here, {asked} as asked, {given} as given"
            f" from subject_state s {sample} offset 0) s",  # each condition looked at once
            parameters,
        )
        total, matching, left_out, seen = cursor.fetchone()
    # a sample of blocks varies in size: the rows it has, not the blocks asked for, say what share it is
    scale = 1.0 if exact or not seen else rows / seen if rows > 0 else pages / _SAMPLED_PAGES
    return Counts(round(total * scale), round(matching * scale), exact, round(left_out * scale))


def candidates(
    filters: Filters, purpose: str, *, after: UUID | None = None, before: UUID | None = None, limit: int = PAGE + 1
) -> tuple[list[UUID], UUID | None]:
    """Those that match among the next rows of the list, and where to look further if there are more rows than that.

    So a filter that hardly anybody matches costs no more than any other.
    """
    where, parameters = filters.where(purpose)
    order, edge = ("asc", "subject > %(edge)s") if before is not None else ("desc", "subject < %(edge)s")
    start = before if before is not None else after
    rows = f"from subject_state {'where ' + edge if start else ''} order by subject {order}"
    parameters |= (
        {"edge": start, "limit": limit, "scanned": _SCANNED} if start else {"limit": limit, "scanned": _SCANNED}
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"select s.subject from (select * {rows} limit %(scanned)s) s where {where} limit %(limit)s", parameters
        )
        found = [row[0] for row in cursor.fetchall()]
        if len(found) >= limit:
            return found, None
        last: dict[str, Any] = {"skipped": _SCANNED - 1} | ({"edge": start} if start else {})
        cursor.execute(f"select subject {rows} offset %(skipped)s limit 1", last)
        beyond = cursor.fetchone()
    return found, beyond[0] if beyond else None


def _row(opened: Opened, names: Sequence[str], standing: Standing) -> Row:
    type_of = installation().rules.dictionary.field
    values = {name: text_of(won.said, type_of(name).type) for name, won in survive(opened.contributions).items()}
    name = next((values[one] for one in names if values.get(one)), "")
    return Row(opened.customer, name, values, standing)


def _policy_of(opened: Opened) -> str:
    answers: list[FieldAnswer] = [row[0] for row in opened.decision.fields.values()]
    return Counter(one.policy for one in answers if one.answer == "denied").most_common(1)[0][0]
