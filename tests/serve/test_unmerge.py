"""A merge taken back leaves every part as if it had never been merged: two towns live through the same days, one of them
with wrong merges that are all undone, and in the end nobody could tell which is which.

What stays with all, in both: a no (withdrawn, refused, unsubscribed), an objection and the like, said of a customer who was
several at the time. Not compared: the ledger, the pairs kept apart, erasures.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from uuid import UUID

from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kehu.collect.imports.undo import take_back
from kehu.collect.models import Import
from kehu.govern import consent, packed, separate, states, subscriptions
from kehu.govern.consent import NothingToWithdraw, Statement
from kehu.govern.guardians import leave_without_guardian
from kehu.govern.models import Consent, StateEntry, Subscription
from kehu.govern.parts import part_of
from kehu.govern.separate import Terms
from kehu.govern.slugs import CATEGORIES, PURPOSES
from kehu.govern.states import NotInForce
from kehu.guard.gate.admit import Admission, Draft
from kehu.guard.gate.admit import Terms as Under
from kehu.guard.gate.read import gate
from kehu.guard.installation import installation
from kehu.guard.staff.actions import owner_actor
from kehu.refine.models import LinkageRun
from kehu.refine.resolve.review import answers as review
from kehu.serve.rights import requests
from kehu.serve.rights.incidents import wrong_merge
from kehu.serve.rights.models import Request
from kehu.vault import assignment
from kehu.vault.assignment import CONFIRMED, PROBABLE
from kehu.vault.copying import int8_items
from kehu.vault.ids import new_id
from kehu.vault.seal import packed as sealed_fields
from tests.cast import admit, staff
from tests.serve.holdings import link

EXAMPLES = int(os.environ.get("KEHU_LAW_EXAMPLES", "12"))
SHRINK = (Phase.shrink,) if "KEHU_LAW_SHRINK" in os.environ else ()  # dear: an example takes a third of a second
BY = UUID(int=7)
CROWD = 4
"""0 and 1 are rightly one, by an exact key; 2 and 3 are somebody else each."""
PURPOSES_SAID = (PURPOSES["marketing"], PURPOSES["personalisation"])
KEY = ("email", "newsletter")

who = st.integers(0, CROWD - 1)
purpose = st.sampled_from(PURPOSES_SAID)
state = st.sampled_from(
    [("restriction", None, 0), ("objection", PURPOSES["marketing"], 0), ("optout", None, 0), ("hold", None, 0), ("hold", None, 6)]
)  # fmt: skip
wrong = st.sampled_from([(0, 2), (1, 2), (2, 3), (1, 3), (0, 3)])
steps = st.one_of(
    st.tuples(st.just("merge"), wrong, st.sampled_from([2, 3, 3])),
    st.tuples(st.just("merge"), wrong, st.sampled_from([1, 2, 3])),
    st.tuples(st.just("part"), st.integers(0, 5)),
    st.tuples(st.just("give"), who, purpose, st.booleans()),
    st.tuples(st.just("give"), who, purpose, st.booleans()),
    st.tuples(st.just("separate"), who, purpose),
    st.tuples(st.just("withdraw"), who, purpose),
    st.tuples(st.just("refuse"), who, purpose),
    st.tuples(st.just("invalidate"), who),
    st.tuples(st.just("say"), who, st.sampled_from(["subscribed", "unsubscribed", "suppressed"]), st.booleans()),
    st.tuples(st.just("say"), who, st.sampled_from(["subscribed"]), st.booleans()),
    st.tuples(st.just("enter"), who, state),
    st.tuples(st.just("lift"), who, state),
    st.tuples(st.just("comes"), who, st.sampled_from(["person", "edit", "order"])),
    st.tuples(st.just("asks"), who),
    st.tuples(st.just("brought"), who),
    st.tuples(st.just("taken_back"), st.integers(0, 5)),
)


def raw():
    connection.ensure_connection()
    return connection.connection


def rows(sql: str, *values: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


@dataclass
class Town:
    """Four records; in one town some of them are merged for a while."""

    crowd: list[UUID]
    merges: bool
    runs: list[tuple[UUID, tuple[int, int]]] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)

    def index(self, id: str | UUID) -> int:
        return self.crowd.index(UUID(str(id)))

    def part(self, i: int) -> list[UUID]:
        return self.crowd[:2] if i < 2 else [self.crowd[i]]

    # -- merging, in one town only

    def merge(self, pair: tuple[int, int], certainty: int) -> None:
        run = LinkageRun.objects.create(id=new_id(), everything=False, staff=BY, state="done").id
        with transaction.atomic():
            assignment.assign(
                raw(), [(self.crowd[pair[0]], self.crowd[pair[1]])], certainty=certainty, why=7, run=run, by=BY
            )
        self.runs.append((run, pair))

    def undo(self, number: int) -> None:
        if self.runs:
            run, _ = self.runs.pop(number % len(self.runs))
            review.undo_run(run, actor=owner_actor())

    def part_all(self) -> None:
        """As the office undoes wrong merges: pair by pair, until each is by itself."""
        for one, other in ((0, 2), (0, 3), (2, 3)):
            if self.customer(one) == self.customer(other):
                wrong_merge.part(self.crowd[one], self.crowd[other], actor=owner_actor())

    def customer(self, i: int) -> UUID:
        return rows("select customer from subject_state where subject = %s", self.crowd[i])[0][0]

    def together(self, i: int) -> list[int]:
        """The first of each certain part that is one customer with this one now."""
        mine = self.customer(i)
        return [j for j in (0, 2, 3) if self.customer(j) == mine]


class Both:
    """The same act in both towns; ``stays`` names who else in the other town a strict word reaches."""

    def __init__(self, merged: Town, plain: Town) -> None:
        self.merged, self.plain = merged, plain

    def do(self, act: str, *rest) -> None:
        if act == "merge":
            self.merged.merge(*rest)
        elif act == "part":
            self.merged.undo(*rest)
        else:
            getattr(self, act)(*rest)

    def give(self, i, purpose, by_guardian):
        for town in (self.merged, self.plain):
            statement = Statement(notice=1, way="staff", guardian="parent" if by_guardian else "")
            consent.give_consent(
                town.crowd[i], purpose=purpose, purpose_version=1, statement=statement, recorded_by=BY, id=new_id()
            )

    def separate(self, i, purpose):
        for town in (self.merged, self.plain):
            statement = Statement(notice=1, way="staff", terms=Terms("provide", "Acme"))
            consent.give_consent(
                town.crowd[i], purpose=purpose, purpose_version=1, statement=statement, recorded_by=BY, id=new_id()
            )

    def withdraw(self, i, purpose):
        try:
            consent.withdraw_consent(
                self.merged.crowd[i], purpose=purpose, purpose_version=1, recorded_by=BY, id=new_id()
            )
        except NothingToWithdraw:
            return
        self._no(i, purpose, "withdrawn")

    def refuse(self, i, purpose):
        consent.refuse_consent(
            self.merged.crowd[i], purpose=purpose, purpose_version=1, recorded_by=BY, id=new_id(),
            statement=Statement(way="staff"),
        )  # fmt: skip
        self._no(i, purpose, "refused")

    def _no(self, i, purpose, status):
        """A no stays with all who were one: in the other town each of them says it."""
        with transaction.atomic():
            consent._said(
                self.plain.crowd[i], purpose, 1, status, Statement(way="staff"), id=new_id(), by=BY,
                at=rows("select clock_timestamp()")[0][0], terms=None,
            )  # fmt: skip
            for j in self.merged.together(i):
                part = self.plain.part(j)
                packed.project(part, purpose, [status, "general", None, 1])
                separate.take_separate(part, purpose)
            leave_without_guardian(connection.connection, self.plain.part(i))

    def invalidate(self, i):
        for town in (self.merged, self.plain):
            given = (
                Consent.objects.filter(subject=town.crowd[i], status="given", event="").order_by("-recorded_at").first()
            )
            if given is not None:
                consent.invalidate_consent(given.id, recorded_by=BY, id=new_id(), way="staff")

    def say(self, i, status, own):
        said = subscriptions.Said(status, way="staff", ground="consent" if status == "subscribed" else "", own=own)
        try:
            subscriptions.say(self.merged.crowd[i], *KEY, said=said, recorded_by=BY, id=new_id())
        except subscriptions.SuppressedHere:
            return
        if status == "subscribed":
            said = subscriptions.Said(status, way="staff", ground="consent", own=True)
            subscriptions.say(self.plain.crowd[i], *KEY, said=said, recorded_by=BY, id=new_id())
            return
        subscriptions.say(self.plain.crowd[i], *KEY, said=said, recorded_by=BY, id=new_id())
        for j in self.merged.together(i):
            stay = ["suppressed"] if status == "unsubscribed" else []
            subscriptions._project(self.plain.part(j), ":".join(KEY), [status, ""], stay=stay)

    def enter(self, i, which):
        kind, purpose, categories = which
        states.enter(self.merged.crowd[i], kind, by=BY, id=new_id(), purpose=purpose, categories=categories)
        for j in {self.first(i)} | set(self.merged.together(i)):
            states.enter(self.plain.crowd[j], kind, by=BY, id=new_id(), purpose=purpose, categories=categories)

    def lift(self, i, which):
        kind, purpose, categories = which
        for town in (self.merged, self.plain):
            on = [row for row in states.states_of(town.crowd[i]) if row.kind == kind == "hold"]
            ids = [row.id for row in on if not categories or row.categories & categories]
            try:
                states.lift(town.crowd[i], kind, purpose=purpose, categories=categories or None, ids=ids)
            except NotInForce:
                pass

    def comes(self, i, kind):
        for town in (self.merged, self.plain):
            bring(town.crowd[i], {"person": 1, "order": 3, "edit": 5}[kind])

    def brought(self, i):
        """By an import of its own, which may be taken back while its customer is merged, or after."""
        for town in (self.merged, self.plain):
            row = Import.objects.create(
                id=new_id(), fingerprint=new_id().bytes, state="done", kind="person", channel=1, controller=1,
                basis="contract", notice=1, staff=BY, sealed=b"",
            )  # fmt: skip
            town.imports.append(row)
            bring(town.crowd[i], 1, batch=row.id)

    def taken_back(self, number):
        if not self.merged.imports:
            return
        for town in (self.merged, self.plain):
            take_back(town.imports.pop(number % len(town.imports)), actor=owner_actor())

    def asks(self, i):
        for town in (self.merged, self.plain):
            requests.open_request(subject=town.crowd[i], right="access", actor=owner_actor())

    def first(self, i):
        return 0 if i < 2 else i


_count = iter(range(10**9))


def bring(subject: UUID, kind: int, *, batch: UUID | None = None) -> None:
    """One more record of somebody who is here."""
    held, number = installation(), next(_count) // 2  # the same for both towns
    fields = {"order_id": f"o{number}"} if kind == 3 else {"email": f"new{number}@mail.example"}
    values: dict[int, dict[str, list[object]]] = {}
    for name, value in fields.items():
        values.setdefault(CATEGORIES[held.rules.dictionary.field(name).category], {})[name] = [value, value, 1, None]
    own = held.tokens.source(1, 1, kind, f"{subject}{number}")
    tokens = [] if kind == 3 else [held.tokens.search("email", "exact", fields["email"])]
    draft = Draft(
        kind, own, own, {category: sealed_fields(held) for category, held in values.items()}, int8_items(tokens), [], 1, 5,
        subject=subject.bytes, new_subject=False,
    )  # fmt: skip
    with transaction.atomic():
        Admission(
            held, gate().decisions, actor=owner_actor(), terms=Under(1, "store", 1, "contract", 1, False, batch)
        ).admit(raw(), [draft])


# -- what anybody can see of a town


def observed(town: Town, reader, clerk) -> dict[int, object]:
    return {i: (_policies_read(town, i), _anchored(town, i)) for i in range(CROWD)} | {
        "open": _opened(town, reader), "found": [_found(town, i) for i in range(CROWD)], "copies": _copies(town, clerk),
    }  # fmt: skip


def _copies(town: Town, clerk) -> object:
    """What a copy of all that is known of each would hold: opened as an export opens it, the certain part only."""
    seen = []
    for i in range(CROWD):
        part = part_of(town.crowd[i], whole=False)
        for opened in gate().open(part, actor=clerk, purpose="rights-request", use="export", reach="origins"):
            said = sorted(
                (town.index(one.subject), one.field, one.answer, one.given or "", one.kind)
                for one in opened.contributions
            )
            seen.append((i, sorted(map(town.index, part)), said))
    return seen


def _policies_read(town: Town, i: int) -> dict[str, object]:
    columns = (
        "customer, core, kind, controller, packs, age, restricted, opted_out, gpc, deceased, kept, held, held_categories,"
        " objections::text, guardian, last_act, hidden, lifted::text, consents::text, subscriptions::text, separate::text"
    )
    with connection.cursor() as cursor:
        cursor.execute(f"select {columns} from subject_state where subject = %s", [town.crowd[i]])
        [row] = cursor.fetchall()
        held = {column.name: value for column, value in zip(cursor.description, row, strict=True)}
    held["customer"], held["core"] = town.index(held["customer"]), town.index(held["core"])
    held["consents"] = {key: _word(town, word, 4) for key, word in json.loads(held["consents"]).items()}
    held["subscriptions"] = {
        key: _word(town, word, 2) for key, word in json.loads(held["subscriptions"] or "{}").items()
    }
    held["separate"] = {
        key: [(entry["event"], entry["recipient"], town.index(entry["anchor"]), "below" in entry) for entry in entries]
        for key, entries in json.loads(held["separate"] or "{}").items()
    }
    return held


def _word(town: Town, word: list | None, base: int) -> object:
    """A no is the same whoever's it was; a yes that stands for another names whose."""
    if word is None or len(word) == base or word[0] in ("withdrawn", "refused", "unsubscribed", "suppressed"):
        return word and word[:base]
    return (*word[:base], town.index(word[base]), _word(town, word[base + 1], base))


def _anchored(town: Town, i: int) -> dict[str, object]:
    """Every write that stands under this origin subject."""
    one = town.crowd[i]
    in_force = StateEntry.objects.filter(subject__in=town.part(i), ended_at=None)
    return {
        "consents": list(
            Consent.objects.filter(subject=one)
            .order_by("recorded_at", "id")
            .values_list("purpose", "status", "kind", "event", "guardian")
        ),
        "said": list(
            Subscription.objects.filter(subject=one).order_by("recorded_at", "id").values_list("topic", "status")
        ),
        "states": sorted({(row.kind, row.purpose or 0) for row in in_force}),
        "requests": Request.objects.filter(subject=one).count(),
        "records": rows("select kind, hidden, tokens::text from record where subject = %s order by id", one),
        "keys": rows("select count(*) from source_key where subject = %s", one),
    }


def _opened(town: Town, reader) -> object:
    """What the gate lets a member of staff see of each, for each purpose, asked for by any of their ids."""
    seen = []
    for purpose in ("service", "marketing"):
        for i in range(CROWD):
            for opened in gate().open([town.crowd[i]], actor=reader, purpose=purpose):
                said = sorted((one.field, one.answer, one.policy, one.given or "") for one in opened.contributions)
                denied = sorted((name, answer.policy) for name, answer in opened.denied().items())
                seen.append(
                    (purpose, i, town.index(opened.customer), tuple(map(town.index, opened.origins)), said, denied)
                )
    return seen


def _found(town: Town, i: int) -> list[int]:
    token = installation().tokens.search("email", "exact", f"{i}@mail.example")
    found = rows(
        "select distinct s.customer from record r join subject_state s using (subject) where r.tokens @> array[%s::bigint]"
        " and s.subject = any (%s)", token, town.crowd
    )  # fmt: skip
    return sorted(town.index(row[0]) for row in found)


def settled(merges: bool) -> Town:
    crowd = admit(*({"full_name": f"person {i}", "email": f"{i}@mail.example"} for i in range(CROWD)))
    # the same person twice: their own ids differ, so that both towns may have them
    rows_changed("delete from source_key where subject = any (%s)", crowd)
    town = Town(crowd, merges)
    with transaction.atomic():
        assignment.assign(raw(), [(crowd[0], crowd[1])], certainty=1, why=2, run=None, by=BY)
    return town


def rows_changed(sql: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def test_what_was_merged_and_parted_is_as_if_it_never_was(database):
    reader, clerk = staff("service"), staff("privacy")

    @settings(
        max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None,
        phases=(Phase.generate, *SHRINK), derandomize="KEHU_LAW_EXAMPLES" not in os.environ,
    )  # fmt: skip
    @given(st.lists(steps, min_size=3, max_size=14))
    def law(acts):
        both = Both(settled(True), settled(False))
        for act in acts:
            both.do(*act)
        both.merged.part_all()
        assert observed(both.merged, reader, clerk) == observed(both.plain, reader, clerk)

    law()


def test_what_linkage_joined_to_both_rightly_stays_where_it_parts_nobody(database):
    """A chain of confirmed links: parting it takes no third person's probable join along."""
    s, x, o, y = admit(*({"full_name": name} for name in ("Ann Lee", "Ann Lee", "Bea Lee", "Ann Leigh")))
    for one, other, certainty in ((s, x, CONFIRMED), (x, o, CONFIRMED), (x, y, PROBABLE)):
        link(one, other, certainty)
    wrong_merge.part(s, o, actor=owner_actor())
    found = dict(rows("select subject, customer from subject_state where subject = any (%s)", [s, x, o, y]))
    assert found[s] == found[x] == found[y] != found[o]


# ``ab:3``: a and b are joined by a probable link; who of them are parted; who are one customer then.
SHAPES = [
    # c hangs on b alone, whichever of the two is parted
    ("ab:3 bc:3", "ab", "a bc"), ("ab:3 bc:3", "ba", "a bc"), ("ab:3 bc:3", "ac", "ab c"), ("ab:3 bc:3", "ca", "a bc"),
    # a chain of its own behind whoever is parted goes along with them
    ("ax:3 xb:3 bc:3", "ab", "ax bc"), ("ab:3 ax:3 xb:3 bc:3 cd:3", "ab", "ax bcd"),
    # a star keeps all but whom it was parted from
    ("ha:3 hb:3 hc:3", "ha", "hbc a"), ("ha:3 hb:3 hc:3", "ah", "hbc a"), ("ha:3 hb:3 hc:3", "ab", "hac b"),
    ("ha:3 hb:3 hc:3 bd:3", "ab", "hac bd"),
    # of probable and certain links: the certain part goes as one, with all that it alone holds
    ("ax:3 xb:1 bc:3", "ab", "a xbc"), ("ax:3 xb:1 xc:3 bd:2", "ab", "a xbcd"), ("ax:2 xb:2 bc:3 ad:3", "ab", "axd bc"),
    ("ax:1 xb:1 bc:1 cd:3", "ab", "ax bcd"), ("ax:3 xb:3 bc:3 xc:3", "ab", "axc b"),
]  # fmt: skip


def test_each_part_keeps_who_holds_to_it_alone(database):
    for number, (links, parted, stays) in enumerate(SHAPES):
        names = sorted(set(links) & set("abcdhx"))
        people = dict(zip(names, admit(*({"full_name": f"{name} {number}"} for name in names)), strict=True))
        for one, other, _, certainty in links.split():
            link(people[one], people[other], int(certainty))
        wrong_merge.part(people[parted[0]], people[parted[1]], actor=owner_actor())
        customer = dict(rows("select subject, customer from subject_state"))
        found = {frozenset(a for a in names if customer[people[a]] == customer[people[b]]) for b in names}
        assert found == set(map(frozenset, stays.split())), (links, parted)
