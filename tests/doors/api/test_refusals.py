"""A call for another purpose than its token's is refused, opens nothing, and stands in the ledger as asked."""

from __future__ import annotations

import pytest
from django.db import connection

from kehu.govern.slugs import ACTIONS, PURPOSES
from tests.caller import LIN
from tests.cast import admit
from tests.doors.api.test_api import operations

FIND = {"criteria": {"email": LIN["email"]}}
UNKNOWN = "01990000-0000-7000-8000-000000000000"
CALLS = [
    ("POST", "/find", FIND | {"purpose": "billing"}, {}, "find"),
    ("POST", "/find", FIND, {"X_Kehu_Purpose": "billing"}, "find"),
    ("GET", "/subjects?purpose=billing", None, {}, "list"),
    ("GET", "/subjects", None, {"X_Kehu_Purpose": "billing"}, "list"),
    ("GET", "/subjects/{lin}?purpose=billing", None, {}, "read"),
    ("GET", "/subjects/{lin}", None, {"X_Kehu_Purpose": "billing"}, "read"),
    ("GET", "/subjects/{lin}/explanation?purpose=billing", None, {}, "explain"),
    ("GET", "/subjects/{lin}/explanation", None, {"X_Kehu_Purpose": "billing"}, "explain"),
    (
        "POST",
        "/subjects/{lin}/match",
        {"field": "birth_date", "said": "1990-03-14"},
        {"X_Kehu_Purpose": "billing"},
        "match",
    ),
    ("GET", "/subjects/{lin}/consents", None, {"X_Kehu_Purpose": "billing"}, "list"),
    ("POST", "/subjects/{lin}/consents", {"purpose": "marketing"}, {"X_Kehu_Purpose": "billing"}, "consent"),
    (
        "POST",
        "/subjects/{lin}/consents/withdrawals",
        {"purpose": "marketing"},
        {"X_Kehu_Purpose": "billing"},
        "consent",
    ),
    ("GET", "/ledger", None, {"X_Kehu_Purpose": "billing"}, "read-ledger"),
    ("GET", "/ledger/checkpoint", None, {"X_Kehu_Purpose": "billing"}, "read-ledger"),
    ("POST", "/ledger/verifications", {}, {"X_Kehu_Purpose": "billing"}, "read-ledger"),
    ("GET", "/ledger/1/proof", None, {"X_Kehu_Purpose": "billing"}, "read-ledger"),
    ("POST", "/uploads", None, {"X_Kehu_Purpose": "billing"}, "collect"),
    (
        "POST",
        "/imports",
        {"files": [UNKNOWN], "channel": "store", "basis": "contract"},
        {"X_Kehu_Purpose": "billing"},
        "collect",
    ),
    ("GET", "/imports", None, {"X_Kehu_Purpose": "billing"}, "collect"),
    ("GET", f"/imports/{UNKNOWN}", None, {"X_Kehu_Purpose": "billing"}, "collect"),
]


WITHOUT_ROW = {  # nothing of anybody stands in them
    ("GET", path)
    for path in ("/health", "/status", "/purposes", "/purposes/{purpose}", "/notices", "/notices/{notice}")
}


def test_every_operation_stands_here():
    named = {"{lin}": "{subject}", "/1/": "/{seq}/", UNKNOWN: "{import_id}"}
    seen = set()
    for method, path, *_ in CALLS:
        for held, name in named.items():
            path = path.partition("?")[0].replace(held, name)
        seen.add((method, path))
    assert seen == operations() - WITHOUT_ROW


def ledger():
    """Action, purpose, subjects and answer of each row; for whom each stands in the look-up."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select e.seq, e.action, e.purpose, e.subjects, d.answer -> '*' -> 0, array_agg(u.subject)"
            " filter (where u.subject is not null) from ledger_entry e join gate_decision d on d.id = e.decision"
            " left join ledger_use u using (seq) group by e.seq, d.answer -> '*' order by e.seq"
        )
        return cursor.fetchall()


@pytest.mark.parametrize("method, path, body, headers, act", CALLS)
def test_a_call_for_another_purpose_is_recorded_as_refused(method, path, body, headers, act, caller):
    [lin] = admit(LIN)
    ask = caller("service", "service")
    before = len(ledger())
    found = ask(method, path.format(lin=lin), body, **headers)
    assert found.status == 403 and found.json["policy"] == "house.scope" and LIN["email"] not in found.text
    [(_, action, purpose, subjects, answer, whose)] = ledger()[before:]
    assert (action, purpose, answer) == (ACTIONS[act], PURPOSES["billing"], '["denied", "house.scope"]')
    about = [lin] if "{lin}" in path else None
    assert whose == about and subjects == len(about or [])


def test_a_purpose_that_is_none_stands_as_none(caller):
    [lin] = admit(LIN)
    before = len(ledger())
    found = caller("service", "service")("GET", f"/subjects/{lin}", X_Kehu_Purpose="王小明")
    assert found.status == 403 and "王小明" not in found.text
    [(_, _, purpose, _, answer, whose)] = ledger()[before:]
    assert (purpose, answer, whose) == (None, '["denied", "house.scope"]', [lin])


def test_what_leaves_no_row_when_allowed_leaves_none_when_refused(caller):
    ask, before = caller("service", "service"), len(ledger())
    assert ask("GET", "/status", X_Kehu_Purpose="billing").status == 403
    assert len(ledger()) == before


def test_the_ledger_holds_with_refusals_in_it(caller):
    [lin] = admit(LIN)
    assert caller("service", "service")("GET", f"/subjects/{lin}?purpose=billing").status == 403
    audit = caller("auditor", "security")
    assert audit("POST", "/ledger/verifications", {}).json["ok"]
    rows = audit("GET", f"/ledger?subject={lin}").json["rows"]
    assert [row["policy"] for row in rows if row["answer"] == "denied"] == ["house.scope"]


def test_the_command_line_records_it_as_well(caller, kehu):
    [lin] = admit(LIN)
    token = caller("service", "service").token
    before = len(ledger())
    for words in (
        ("find", f"email={LIN['email']}", "--purpose", "complaints"),
        ("show", str(lin), "--purpose", "complaints"),
        ("explain", str(lin), "--purpose", "complaints"),
    ):
        code, answer = kehu(*words, token=token)
        assert code == 3 and answer["error"]["policy"] == "house.scope"
    assert [(action, whose) for _, action, _, _, _, whose in ledger()[before:]] == [
        (ACTIONS["find"], None), (ACTIONS["read"], [lin]), (ACTIONS["explain"], [lin]),
    ]  # fmt: skip
