"""Whatever was said and laid upon two customers, as one they may be used for nothing that each could not be by themselves.

More examples: KEHU_WIDENS_EXAMPLES=500.
"""

from __future__ import annotations

import os

from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from kehu.govern import consent, states, subscriptions
from kehu.govern.consent import NothingToWithdraw, Statement
from kehu.govern.separate import Terms
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.read import gate
from kehu.vault import assignment
from kehu.vault.ids import new_id
from tests.cast import admit, staff

EXAMPLES = int(os.environ.get("KEHU_WIDENS_EXAMPLES", "3"))
CROWD = 3
SAID = ("marketing", "personalisation", "analytics")
QUESTIONS = (
    ("service", "service", {}), ("marketing", "marketing", {}), ("analyst", "analytics", {}),
    ("service", "claims", {}), ("marketing", "personalisation", {}),
    ("marketing", "marketing", {"use": "contact", "medium": "email", "topic": "newsletter"}),
)  # fmt: skip

who = st.integers(0, CROWD - 1)
purpose = st.sampled_from([PURPOSES[name] for name in SAID])
steps = st.one_of(
    st.tuples(st.just("give"), who, purpose, st.booleans()),
    st.tuples(st.just("give"), who, purpose, st.booleans()),
    st.tuples(st.just("refuse"), who, purpose),
    st.tuples(st.just("withdraw"), who, purpose),
    st.tuples(st.just("separate"), who, purpose),
    st.tuples(st.just("say"), who, st.sampled_from(["subscribed", "subscribed", "unsubscribed", "suppressed"])),
    st.tuples(
        st.just("enter"),
        who,
        st.sampled_from(
            [
                ("restriction", None),
                ("objection", PURPOSES["marketing"]),
                ("objection", PURPOSES["analytics"]),
                ("optout", None),
                ("deceased", None),
                ("gpc", None),
            ]
        ),
    ),
)
ages = st.lists(st.sampled_from([1, 3, 5, 5, 5]), min_size=CROWD, max_size=CROWD)
packs = st.lists(st.sampled_from([1, 1, 2, 3]), min_size=CROWD, max_size=CROWD)


def do(crowd, by, act, i, *rest):
    subject, words = crowd[i], {"recorded_by": by, "id": new_id()}
    if act == "give":
        statement = Statement(notice=1, way="staff", guardian="parent" if rest[1] else "")
        consent.give_consent(subject, purpose=rest[0], purpose_version=1, statement=statement, **words)
    elif act == "separate":
        statement = Statement(notice=1, way="staff", terms=Terms("provide", "Acme"))
        consent.give_consent(subject, purpose=rest[0], purpose_version=1, statement=statement, **words)
    elif act == "refuse":
        consent.refuse_consent(subject, purpose=rest[0], purpose_version=1, statement=Statement(way="staff"), **words)
    elif act == "withdraw":
        try:
            consent.withdraw_consent(subject, purpose=rest[0], purpose_version=1, **words)
        except NothingToWithdraw:
            return
    elif act == "say":
        ground = "consent" if rest[0] == "subscribed" else ""
        try:
            said = subscriptions.Said(rest[0], way="staff", ground=ground, own=True)
            subscriptions.say(subject, "email", "newsletter", said=said, **words)
        except subscriptions.SuppressedHere:
            return
    else:
        states.enter(subject, rest[0][0], by=by, id=new_id(), purpose=rest[0][1])


def said_no(subject):
    """Whether somebody's own last word on marketing is a no."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select coalesce(consents -> %s ->> 0, '') in ('refused', 'withdrawn') from subject_state where subject = %s",
            [str(PURPOSES["marketing"]), subject],
        )
        return cursor.fetchone()[0]


MARKETING = 1  # its place among the questions
CLEARER = {"denied": 0, "match-only": 1, "masked": 2, "clear": 3}


def used(crowd, readers):
    """What comes out of each one's own records, for each question: nothing, compared, masked, or in clear."""
    found = {}
    for number, (role, purpose, more) in enumerate(QUESTIONS):
        for opened in gate().open(crowd, actor=readers[role], purpose=purpose, **more):
            for one in opened.contributions:
                shown = CLEARER.get(one.answer, 2) if one.given is not None else 0
                key = (number, crowd.index(one.subject), one.field)
                found[key] = max(found.get(key, 0), shown)
    return found


def test_as_one_they_are_used_for_no_more_than_each(database):
    readers = {role: staff(role) for role in ("service", "marketing", "analyst")}
    by = readers["service"].staff
    seen = {"narrower": 0, "used": 0}

    @settings(
        max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None,
        phases=(Phase.explicit, Phase.generate), derandomize="KEHU_WIDENS_EXAMPLES" not in os.environ,
    )  # fmt: skip
    @example(
        [5, 5, 5],
        [1, 1, 1],
        [("give", 0, PURPOSES["marketing"], False), ("refuse", 1, PURPOSES["marketing"])],
        2,
        False,
    )
    # joined as probable: then the parts are not one, and the rule over the whole customer decides alone
    @example(
        [5, 5, 5],
        [1, 1, 1],
        [("give", 0, PURPOSES["marketing"], False), ("refuse", 1, PURPOSES["marketing"])],
        3,
        False,
    )
    @given(ages, packs, st.lists(steps, min_size=2, max_size=10), st.sampled_from([1, 2, 3]), st.booleans())
    def law(ages, packs, acts, certainty, all_three):
        crowd = [
            admit({"full_name": f"person {i}", "email": f"{i}@mail.example"}, age=age, packs=law)[0]
            for i, (age, law) in enumerate(zip(ages, packs, strict=True))
        ]
        with connection.cursor() as cursor:
            cursor.execute("delete from source_key where subject = any (%s)", [crowd])  # the next ones are other people
        for act in acts:
            do(crowd, by, *act)
        before = used(crowd, readers)
        pairs = [(crowd[0], crowd[1]), (crowd[1], crowd[2])][: 1 + all_three]
        with transaction.atomic():
            assignment.assign(
                connection.connection, pairs, certainty=certainty, why=assignment.WHY["request"], run=None, by=by
            )
        members = range(2 + all_three)
        after = used(crowd, readers)
        wider = {key: (before.get(key, 0), now) for key, now in after.items() if now > before.get(key, 0)}
        assert wider == {}
        if any(said_no(crowd[i]) for i in members):
            assert not [key for key in after if key[0] == MARKETING and key[1] in members]  # the stricter word wins
        seen["narrower"] += after != before
        seen["used"] += any(after.values())

    law()
    assert seen["narrower"] and seen["used"]  # else nothing was tried
