"""A chunk of many gets the answers that each of them gets alone, in every state a customer can be in (promise G8)."""

from __future__ import annotations

import json

from django.db import connection
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.read import gate
from kehu.vault.assignment import CONFIRMED, PROBABLE, WHY, assign
from tests.cast import admit, staff

COUNT = 9
flags = st.booleans()
rare = st.sampled_from(
    (False,) * 7 + (True,)
)  # were each as likely as not, nearly everybody would be denied by several
said = st.one_of(
    st.just(("given", "general", None, 1)),
    st.just(("given", "specific", None, 1)),
    st.none(),
    st.tuples(st.sampled_from(("given", "withdrawn", "refused", "invalid", "unknown")),
              st.sampled_from(("general", "specific", "temporary")), st.sampled_from((None, 1.0, 4e9)),
              st.sampled_from((0, 1, 2))),
)  # fmt: skip
separate = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {
            "event": st.sampled_from(("sensitive", "provide", "abroad")), "recipient": st.just(""), "country": st.just(""),
            "fields": st.sampled_from((None, ["birth_date"])), "guardian": flags, "until": st.none(), "version": st.just(1),
        }
    ),
)  # fmt: skip
states = st.fixed_dictionaries(
    {
        "restricted": rare, "opted_out": rare, "gpc": rare, "deceased": rare, "kept": rare, "guardian": flags,
        "objected": flags, "age": st.sampled_from((0, 1, 2, 3, 4, 5, 5, 5)), "packs": st.sampled_from((0, 1, 2, 3, 4, 8, 16, 31)), "said": said,
        "separate": separate,
    }
)  # fmt: skip
# of whom nothing but the objection decides: chance may bring a dozen others besides
PLAIN = {
    "restricted": False, "opted_out": False, "gpc": False, "deceased": False, "kept": False, "guardian": False, "objected": False,
    "age": 5, "packs": 1, "said": ("given", "general", None, 1), "separate": None,
}  # fmt: skip
PEOPLE = [
    {
        "full_name": f"客户{n}",
        "email": f"c{n}@mail.example",
        "birth_date": f"1980-01-{n + 1:02}",
        "national_id": f"A{n}",
    }
    for n in range(COUNT)
]


def stand(subject, state, purpose):
    """Put a customer into a state, whatever brought it about."""
    with connection.cursor() as cursor:
        cursor.execute(
            "update subject_state set restricted = %s, opted_out = %s, gpc = %s, deceased = %s, kept = %s, guardian = %s,"
            " objections = %s::smallint[], age = %s, packs = %s, consents = %s::jsonb, separate = %s::jsonb where subject = %s",
            [
                *(state[name] for name in ("restricted", "opted_out", "gpc", "deceased", "kept", "guardian")),
                [purpose] if state["objected"] else [], state["age"], state["packs"],
                json.dumps({str(purpose): state["said"]} if state["said"] else {}),
                json.dumps({str(purpose): [state["separate"]]}) if state["separate"] else None, subject,
            ],
        )  # fmt: skip


def told(one):
    """All that an answer says of a customer: values, masks, and each field's policy for every provenance."""
    held = sorted(
        (c.field, c.answer, c.policy, c.given, c.normal, str(c.subject), str(c.record)) for c in one.contributions
    )
    return held, {name: tuple(row) for name, row in one.decision.fields.items()}, one.origins, one.decision.finds


def test_many_and_one_get_the_same_answers_in_every_state(database):
    subjects = admit(*PEOPLE)
    connection.ensure_connection()
    raw, by = connection.connection, staff("privacy").staff
    with raw.transaction():  # among them one certain customer of two parts, and a probable one
        assign(raw, [(subjects[0], subjects[1])], certainty=CONFIRMED, why=WHY["staff"], run=None, by=by)
        assign(raw, [(subjects[2], subjects[3])], certainty=PROBABLE, why=WHY["linkage"], run=None, by=by)
    askers = {role: staff(role) for role in ("service", "marketing", "legal")}

    @settings(max_examples=30, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(states, min_size=COUNT, max_size=COUNT),
        st.sampled_from((("service", "service"), ("marketing", "marketing"), ("legal", "claims"), ("service", "claims"))),
        st.booleans(),
        st.sampled_from(("read", "list")), st.sampled_from((("none", ""), ("sale", ""), ("controller", "DE"))),
    )  # fmt: skip
    @example(
        [PLAIN | {"objected": n % 2 == 0} for n in range(COUNT)],
        ("marketing", "marketing"),
        False,
        "read",
        ("none", ""),
    )
    def holds(standing, claimed, masked, use, leaves):
        role, purpose = claimed
        for subject, state in zip(subjects, standing, strict=True):
            stand(subject, state, PURPOSES[purpose])
        asked = {
            "actor": askers[role], "purpose": purpose, "fields": sorted(PEOPLE[0]), "use": use, "masked": masked,
            "recipient": "Acme" if leaves[1] else "", "recipient_kind": leaves[0], "country": leaves[1],
        }  # fmt: skip
        many = {one.customer: told(one) for one in gate().open(subjects, **asked)}
        assert len(many) == COUNT - 2
        for customer, answer in many.items():
            [alone] = gate().open([customer], **asked)
            assert told(alone) == answer

    holds()
