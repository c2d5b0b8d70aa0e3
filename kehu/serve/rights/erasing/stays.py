"""What stays after an erasure, item by item, each with article and end date: law packs, the house, and holds decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection

from kehu.govern.laws import PACKS, Stays, add_months, load_packs, stays_under
from kehu.govern.models import Consent, StateEntry, Subscription
from kehu.govern.slugs import CATEGORIES, PUBLIC_INFORMATION_NUMBER, PURPOSES, RECORD_KINDS, name_of
from kehu.guard.installation import installation
from kehu.guard.residue import Values
from kehu.refine.clean.keys import search_keys
from kehu.vault.erasure import SealedFacet

REVIEW_MONTHS: Final = 12  # a hold is looked at again within a year (RULES)
HOLD_ARTICLE: Final = "GDPR 17(3)(e), PIPL 47"
_WRITTEN_TO: Final = ("email", "phone", "landline")
_CONTACT: Final = CATEGORIES["contact"]


@dataclass(slots=True)
class Item:
    """One line of a certificate. ``key`` ties it to what it keeps in the residue's paper.

    ``review``: a hold without an end keeps it; then ``until`` is the day by which somebody has to look at it again.
    ``next``: the day on which the first of its records goes, ``until`` that of the last.
    """

    key: str
    what: str
    article: str
    source: str
    until: date
    why: str
    review: bool = False
    next: date = date.max

    def line(self) -> dict[str, Any]:
        """As the certificate prints it."""
        line: dict[str, Any] = {
            "what": self.what, "article": self.article, "source": self.source, "until": self.until.isoformat(),
            "why": self.why,
        }  # fmt: skip
        if self.review:
            line["review"] = True
        if self.next < self.until:
            line["next"] = self.next.isoformat()
        return line


@dataclass(slots=True)
class Decided:
    """Decides facet by facet, and learns meanwhile which addresses the person could be written to at."""

    today: date
    rows: tuple[Stays, ...]
    holds: Sequence[StateEntry]
    suppresses: tuple[list[int], bool]
    has_consents: bool
    items: dict[str, Item] = field(default_factory=dict)
    addresses: set[int] = field(default_factory=set, repr=False)

    def keeps(self, facet: SealedFacet, values: Values) -> dict[str, str | None]:
        """The items a facet stays under: a hold, and a law whose term is not over, with the day on which it is."""
        if facet.category == _CONTACT:
            self.addresses |= set(_address_tokens(values))
        category, stays = name_of(CATEGORIES, facet.category), dict[str, str | None]()
        held = [row for row in self.holds if row.categories & bit_of(category)]
        if held:
            until = max(review_of(row) for row in held)
            review = any(row.until is None for row in held)
            stays[self._item(f"hold:{category}", category, HOLD_ARTICLE, "2", until, "hold", review=review)] = None
        kind = name_of(RECORD_KINDS, facet.kind)
        kept = [
            (add_months(_day_of(values, facet.record), row.months), row)
            for row in self.rows
            if row.what == category and kind in row.kinds
        ]
        until, row = max(kept, key=lambda pair: pair[0], default=(self.today, None))
        if row is not None and until > self.today:
            key = self._item(f"law:{category}", category, row.article, row.source, until, "law")
            self.items[key].next = min(self.items[key].next, until)
            stays[key] = until.isoformat()
        return stays

    def close(self) -> list[Item]:
        """All items, when every facet was seen: the house's own lines besides what laws and holds keep."""
        wanted = ["tombstone", "request"]
        wanted += ["consent"] if self.has_consents else []
        wanted += ["suppression"] if any(self.suppresses) and self.addresses else []
        for what in wanted:
            row = max((row for row in self.rows if row.what == what), key=lambda row: row.months)  # the first: a law's
            self._item(what, what, row.article, row.source, add_months(self.today, row.months), "residue")
        for hold in self.holds:
            for category in categories_of(hold.categories):
                key, review = f"hold:{category}", hold.until is None
                self._item(key, category, HOLD_ARTICLE, "2", review_of(hold), "hold", review=review)
        return sorted(self.items.values(), key=lambda item: item.key)

    def _item(
        self, key: str, what: str, article: str, source: str, until: date, why: str, *, review: bool = False
    ) -> str:
        held = self.items.get(key)
        if held is None or until > held.until:
            review_too, first = (held.review, held.next) if held is not None else (False, date.max)
            self.items[key] = Item(key, what, article, source, until, why, review_too, first)
        self.items[key].review |= review
        return key


def decide(part: Sequence[UUID], states: Sequence[StateEntry]) -> Decided:
    """What stays of these origin subjects, given the states in force on their customer."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select bit_or(packs), bool_or(c.platform) from subject_state s left join govern_controller c"
            " on c.id = s.controller where s.subject = any (%s)",
            [list(part)],
        )
        bits, platform = cursor.fetchone()
    packs = frozenset(name for name in PACKS if load_packs()[name].bit & (bits or 0))
    rows = tuple(row for row in stays_under(packs) if not row.condition or (row.condition == "platform" and platform))
    return Decided(
        today=datetime.now(UTC).date(),
        rows=rows,
        holds=[row for row in states if row.kind == "hold" and row.categories],
        suppresses=_suppresses(part, states),
        has_consents=Consent.objects.filter(subject__in=part, status__in=("given", "withdrawn", "refused")).exists()
        or Subscription.objects.filter(subject__in=part).exists(),
    )


def bit_of(category: str) -> int:
    """The bit of a category in a hold's ``categories``."""
    return 1 << (CATEGORIES[category] - 1)


def categories_of(bits: int) -> list[str]:
    """Categories named by bits."""
    return [name for name in CATEGORIES if bits & bit_of(name)]


def review_of(hold: StateEntry) -> date:
    """The first day on which a hold has ended, or the next on which it is to be looked at again where it names no end."""
    if hold.until:  # an hour of a day: what it keeps stays for all of that day
        day = hold.until.astimezone(UTC)
        return day.date() if day.date() == date.max else (day + timedelta(days=1, microseconds=-1)).date()
    today, months = datetime.now(UTC).date(), REVIEW_MONTHS
    while add_months(hold.since.date(), months) <= today:  # nobody released it: it holds on
        months += REVIEW_MONTHS
    return add_months(hold.since.date(), months)


def _suppresses(part: Sequence[UUID], states: Iterable[StateEntry]) -> tuple[list[int], bool]:
    """What must be remembered for an address: purposes objected to or withdrawn, and an opt-out of sale."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select distinct c.key::int from subject_state s, jsonb_each(s.consents) c where s.subject = any (%s)"
            " and c.value ->> 0 in ('withdrawn', 'refused')",
            [list(part)],
        )
        withdrawn = {row[0] for row in cursor.fetchall()}
        # who does not want one of our letters is, after an erasure, written to on no topic
        cursor.execute(
            "select exists (select 1 from subject_state s, jsonb_each(s.subscriptions) c where s.subject = any (%s)"
            " and c.value ->> 0 in ('unsubscribed', 'suppressed'))",
            [list(part)],
        )
        if cursor.fetchone()[0]:
            withdrawn.add(PURPOSES["marketing"])
    states = list(states)
    objected = {row.purpose for row in states if row.kind == "objection" and row.purpose}
    public = {row.purpose for row in states if row.kind == "objection" and row.purpose == PUBLIC_INFORMATION_NUMBER}
    purposes = ((withdrawn | objected) & {PURPOSES["marketing"], PURPOSES["personalisation"]}) | public
    return sorted(purposes), any(row.kind in ("optout", "gpc") for row in states)


def _address_tokens(values: Values) -> Iterable[int]:
    held = installation()
    for name in _WRITTEN_TO:
        given, normal, *_ = values.get(name, (None, None))
        value = str(normal or given or "")
        key = search_keys(name, value, held.rules.dictionary.field(name).type).exact
        if key:
            yield held.tokens.search(name, "exact", key)


def _day_of(values: Values, record: UUID) -> date:
    """The day of an order, else the day its record came (a UUIDv7 carries it)."""
    given, normal, *_ = values.get("ordered_at", (None, None))
    try:
        return date.fromisoformat(str(normal or given)[:10])
    except ValueError:
        return datetime.fromtimestamp((record.int >> 80) / 1000, UTC).date()


def still_kept(
    part: str, row: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], today: date
) -> dict[str, str | None]:
    """The items that a row of the paper stays under on that day: by its own day, else by the certificate's lines."""
    stays: Mapping[str, str | None] = row.get("stays") or {str(row.get("item", part)): None}
    return {
        key: day
        for key, day in stays.items()
        if (
            date.fromisoformat(day) > today
            if day
            else any(_is(key, one) and not has_ended(one, today) for one in lines)
        )
    }


def _is(key: str, line: Mapping[str, Any]) -> bool:
    why, _, what = key.rpartition(":")
    return bool(line["what"] == what and line["why"] == (why or "residue"))


def set_next(lines: Iterable[dict[str, Any]], days: Mapping[str, str]) -> None:
    """Write into the lines when the first of what is left of each goes; ``days`` by key."""
    for line in lines:
        line.pop("next", None)
        day = next((day for key, day in days.items() if _is(key, line)), line["until"])
        if day < line["until"]:
            line["next"] = day


def has_ended(line: Mapping[str, Any], today: date) -> bool:
    """Whether a line of a certificate has; what a hold without an end keeps ends when somebody says so, not by a day."""
    return not line.get("review") and date.fromisoformat(line["until"]) <= today
