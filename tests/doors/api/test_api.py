"""The API as programs call it: who may ask what, what a withdrawal does, and that every call leaves its row."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import subprocess
import sys
import uuid
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from django.conf import settings
from django.db import connection

from kehu.doors.api import callers
from kehu.doors.api.urls import api
from kehu.host.home import Home
from tests.caller import LIN, Caller
from tests.cast import admit

UNKNOWN = "01990000-0000-7000-8000-000000000000"


def rows() -> list[str]:
    """Actions in the ledger, oldest first."""
    from kehu.govern.slugs import ACTIONS, name_of

    with connection.cursor() as cursor:
        cursor.execute("select action from ledger_entry order by seq")
        return [name_of(ACTIONS, row[0]) for row in cursor.fetchall()]


# (method, path) → by (role, purpose) the expected status. A path missing here fails the run.
TABLE = {
    ("GET", "/health"): {("service", "service"): 200, None: 200},
    ("POST", "/find"): {
        ("service", "service"): 200, ("marketing", "marketing"): 200, ("auditor", "security"): 200,
        ("marketing", "service"): 403, ("engineer", "service"): 403, None: 401,
    },
    ("GET", "/subjects"): {
        ("service", "service"): 200, ("marketing", "marketing"): 200, ("auditor", "security"): 200,
        ("marketing", "service"): 403, ("engineer", "service"): 403, None: 401,
    },
    ("GET", "/subjects/{subject}"): {
        ("service", "service"): 200, ("marketing", "marketing"): 403, ("marketing", "service"): 403,
        ("engineer", "service"): 403, ("privacy", "rights-request"): 200, None: 401,
    },
    ("GET", "/subjects/{subject}/explanation"): {
        ("service", "service"): 200, ("marketing", "marketing"): 200, ("engineer", "service"): 200, None: 401,
    },
    ("POST", "/subjects/{subject}/match"): {
        ("service", "service"): 200, ("privacy", "complaints"): 200, ("marketing", "marketing"): 403,
        ("engineer", "service"): 403, None: 401,
    },
    ("GET", "/subjects/{subject}/consents"): {
        ("service", "service"): 200, ("privacy", "complaints"): 200, ("analyst", "analytics"): 403,
        ("auditor", "security"): 403, None: 401,
    },
    ("POST", "/subjects/{subject}/consents"): {
        ("service", "service"): 201, ("marketing", "marketing"): 201, ("legal", "legal"): 403,
        ("manager", "service"): 403, None: 401,
    },
    ("POST", "/subjects/{subject}/consents/withdrawals"): {
        ("service", "service"): 201, ("legal", "legal"): 403, ("auditor", "security"): 403, None: 401,
    },
    ("GET", "/ledger"): {
        ("auditor", "security"): 200, ("privacy", "complaints"): 200, ("legal", "legal"): 200,
        ("service", "service"): 403, ("manager", "service"): 403, ("engineer", "service"): 403, None: 401,
    },
    ("GET", "/ledger/checkpoint"): {("auditor", "security"): 200, ("service", "service"): 403, None: 401},
    ("POST", "/ledger/verifications"): {("auditor", "security"): 200, ("analyst", "analytics"): 403, None: 401},
    ("GET", "/ledger/{seq}/proof"): {("auditor", "security"): 200, ("marketing", "marketing"): 403, None: 401},
    ("GET", "/purposes"): {("service", "service"): 200, ("engineer", "service"): 200, None: 401},
    ("GET", "/purposes/{purpose}"): {("service", "service"): 200, ("auditor", "security"): 200, None: 401},
    ("GET", "/notices"): {("service", "service"): 200, ("legal", "legal"): 200, None: 401},
    ("GET", "/notices/{notice}"): {("service", "service"): 200, ("analyst", "analytics"): 200, None: 401},
    ("GET", "/status"): {("service", "service"): 200, ("engineer", "service"): 200, None: 401},
    ("POST", "/uploads"): {("service", "service"): 415, ("auditor", "security"): 403, ("engineer", "service"): 403, None: 401},
    ("POST", "/imports"): {("service", "service"): 404, ("auditor", "security"): 403, ("engineer", "service"): 403, None: 401},
    ("GET", "/imports"): {("analyst", "analytics"): 200, ("auditor", "security"): 403, None: 401},
    ("GET", "/imports/{import_id}"): {("service", "service"): 404, ("engineer", "service"): 403, None: 401},
}  # fmt: skip
BODIES = {
    "/find": {"criteria": {"email": LIN["email"]}},
    "/subjects/{subject}/match": {"field": "birth_date", "said": "1990-03-14"},
    "/subjects/{subject}/consents": {"purpose": "marketing"},
    "/subjects/{subject}/consents/withdrawals": {"purpose": "personalisation"},
    "/ledger/verifications": {},
    "/uploads": {},
    "/imports": {"files": [UNKNOWN], "channel": "store", "basis": "contract"},
}


NAMED = {"purpose": "marketing", "notice": "privacy@1"}
NOT_HERE = ("/health", "/imports/{import_id}")


def template(path: str) -> str:
    return re.sub(r"\{\w+:(\w+)\}", r"{\1}", path)


def operations() -> set[tuple[str, str]]:
    return {
        (method, template(path))
        for _, router in api._routers
        for path, view in router.path_operations.items()
        for operation in view.operations
        for method in operation.methods
    }


def test_every_operation_stands_in_the_table():
    assert operations() == set(TABLE)


@pytest.mark.parametrize("method, path", TABLE)
def test_who_may_ask_what(method, path, caller, anyone):
    [lin] = admit(LIN)
    caller("service", "service")("POST", f"/subjects/{lin}/consents", {"purpose": "personalisation"})
    for who, expected in TABLE[method, path].items():
        ask = caller(*who) if who else anyone
        found = ask(
            method,
            path.format(subject=lin, seq=1, import_id=UNKNOWN, **NAMED),
            BODIES.get(path) if method == "POST" else None,
        )
        assert found.status == expected, (who, found.text)
        assert found.headers["Cache-Control"] == "no-store" and uuid.UUID(found.headers["X-Request-Id"])
        if expected >= 400:
            assert found.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", [path for method, path in TABLE if method == "GET" and path not in NOT_HERE])
def test_purpose_is_the_tokens(path, caller):
    [lin] = admit(LIN)
    ask = caller("privacy", "complaints")
    path = path.format(subject=lin, seq=1, **NAMED)
    assert ask("GET", path, X_Kehu_Purpose="complaints").status == 200
    found = ask("GET", path, X_Kehu_Purpose="accuracy")
    assert found.status == 403 and found.json["policy"] == "house.scope"


def test_purpose_as_a_parameter_must_be_the_tokens(caller):
    [lin] = admit(LIN)
    ask = caller("service", "service")
    assert ask("GET", f"/subjects/{lin}?purpose=service").status == 200
    assert ask("GET", f"/subjects/{lin}?purpose=billing").json["policy"] == "house.scope"
    assert ask("GET", f"/subjects/{lin}/explanation?purpose=billing").status == 403
    assert ask("POST", "/find", {"criteria": {"email": LIN["email"]}, "purpose": "billing"}).status == 403


def test_show_answers_what_the_command_line_answers(caller, kehu):
    [lin] = admit(LIN)
    ask = caller("service", "service")
    found = ask("GET", f"/subjects/{lin}").json
    code, printed = kehu("show", str(lin), "--purpose", "service", token=ask.token)
    assert code == 0 and printed.pop("ledger")["seq"] > found.pop("ledger")["seq"]
    assert found == printed and found["fields"]["email"] == LIN["email"]
    why = ask("GET", f"/subjects/{lin}/explanation").json
    assert why == kehu("explain", str(lin), "--purpose", "service", token=ask.token)[1]


def test_withdrawn_consent_acts_on_the_next_call(caller):
    [lin] = admit(LIN)
    ask = caller("marketing", "marketing")
    path = f"/subjects/{lin}"
    assert ask("GET", path).status == 403
    given = ask("POST", f"{path}/consents", {"purpose": "marketing"})
    assert given.status == 201 and given.json["consents"][0]["status"] == "given"
    assert ask("GET", path).json["fields"]["email"] == LIN["email"]
    assert ask("POST", f"{path}/consents/withdrawals", {"purpose": "marketing"}).status == 201
    refused = ask("GET", path)
    assert refused.status == 403 and refused.json["denied"]["email"]["policy"] == "cn.pipl.consent-withdrawn"
    assert refused.json["policy"] == "cn.pipl.consent-withdrawn" and refused.json["ledger"]["seq"]
    assert LIN["email"] not in refused.text
    assert ask("POST", f"{path}/consents/withdrawals", {"purpose": "marketing"}).status == 409
    assert ask("POST", f"{path}/consents", {"purpose": "marketing", "kind": "temporary"}).status == 422


def test_every_call_leaves_its_row(caller):
    [lin] = admit(LIN)
    ask, audit = caller("service", "service"), caller("auditor", "security")
    before = len(rows())
    calls = [
        (ask, "POST", "/find", {"criteria": {"email": LIN["email"]}}, "find"),
        (ask, "POST", "/find", {"criteria": {"email": "nobody@mail.example"}}, "find"),
        (ask, "GET", f"/subjects/{lin}", None, "read"),
        (ask, "GET", f"/subjects/{lin}/explanation", None, "explain"),
        (ask, "POST", f"/subjects/{lin}/consents", {"purpose": "marketing"}, "consent"),
        (ask, "POST", f"/subjects/{lin}/consents/withdrawals", {"purpose": "marketing"}, "consent"),
        (ask, "GET", f"/subjects/{lin}/consents", None, "list"),
        (audit, "GET", "/ledger", None, "read-ledger"),
    ]
    for who, method, path, body, _ in calls:
        assert who(method, path, body).status < 300
    assert rows()[before:] == [action for *_, action in calls]


def test_a_search_refused_to_the_role_is_recorded_as_denied(caller):
    admit(LIN)
    assert caller("engineer", "service")("POST", "/find", {"criteria": {"email": LIN["email"]}}).status == 403
    row = caller("auditor", "security")("GET", "/ledger?limit=1").json["rows"][0]
    assert (row["action"], row["answer"], row["policy"]) == ("find", "denied", "house.default-deny")


def test_what_is_found_goes_on_page_by_page(caller):
    here = sorted(map(str, admit(*({"email": LIN["email"], "full_name": f"林{n}"} for n in range(3)))))
    ask = caller("service", "service")
    with patch("kehu.serve.desk.queries.MOST", 2):
        first = ask("POST", "/find", {"criteria": {"email": LIN["email"]}}).json
        assert (first["subjects"], first["next"]) == (here[:2], here[1])
        second = ask("POST", "/find", {"criteria": {"email": LIN["email"]}, "after": first["next"]}).json
    assert (second["subjects"], second["next"]) == (here[2:], None)


def test_a_hit_confirms_no_field_that_is_denied(caller):
    [lin] = admit(LIN)
    ask = caller("service", "service")
    asked = {"email": LIN["email"], "national_id": LIN["national_id"]}
    with patch("kehu.serve.desk.queries._carriers", return_value={lin: True}):  # the index has both
        assert ask("POST", "/find", {"criteria": {"email": LIN["email"]}}).json["subjects"] == [str(lin)]
        assert ask("POST", "/find", {"criteria": asked}).json["subjects"] == []


def test_revoked_and_expired_tokens_and_people_who_left(caller, database):
    [lin] = admit(LIN)
    ask = caller("service", "service")
    assert ask("GET", f"/subjects/{lin}").status == 200
    for change, back in (
        ("update actor_state set revoked_at = clock_timestamp() where purpose is not null", "revoked_at = null"),
        ("update actor_state set expires_at = clock_timestamp() where purpose is not null", "expires_at = 'infinity'"),
    ):
        with connection.cursor() as cursor:
            cursor.execute(change)
        refused = ask("GET", f"/subjects/{lin}")
        assert refused.status == 401 and refused.json["code"] == "token"
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")
        with connection.cursor() as cursor:
            cursor.execute(f"update actor_state set {back} where purpose is not null")
        assert ask("GET", f"/subjects/{lin}").status == 200
    with connection.cursor() as cursor:
        cursor.execute("update guard_staff set is_active = false where role = 'service'")
    assert ask("GET", f"/subjects/{lin}").status == 401


@pytest.mark.parametrize("header", ["", "Basic a2VodTp4", "Bearer", "Bearer kehu_x", "Bearer " + "x" * 5000, "kehu_"])
def test_other_credentials_are_401(header, anyone):
    assert anyone("GET", f"/subjects/{UNKNOWN}", Authorization=header).status == 401


def test_ledger_pages_by_keyset_without_gap_or_repeat(caller):
    [lin] = admit(LIN)
    ask, audit = caller("service", "service"), caller("auditor", "security")
    for _ in range(7):
        ask("GET", f"/subjects/{lin}")
    seen, path = [], f"/ledger?subject={lin}&limit=3"
    page = audit("GET", path).json
    while True:
        seen += [row["seq"] for row in page["rows"]]
        if page["next"] is None:
            break
        page = audit("GET", f"{path}&before={page['next']}").json
    reads = [row["seq"] for row in audit("GET", f"/ledger?subject={lin}").json["rows"] if row["action"] == "read"]
    assert len(reads) == 7 and seen == sorted(set(seen), reverse=True) and set(reads) < set(seen)
    [who] = {row["actor"] for row in page["rows"] if row["action"] == "collect"}
    assert who
    assert audit("GET", f"/ledger?staff={UNKNOWN}").json["rows"] == []
    assert audit("GET", f"/ledger?subject={UNKNOWN}").status == 404


def test_proof_and_verdict_hold_outside(caller, tmp_path):
    [lin] = admit(LIN)
    seq = caller("service", "service")("GET", f"/subjects/{lin}").json["ledger"]["seq"]
    audit = caller("auditor", "security")
    head = audit("GET", "/ledger/checkpoint").json["checkpoint"]
    proof = audit("GET", f"/ledger/{seq}/proof?subject={lin}").json
    from kehu.guard.ledger.tree import leaf_hash, root_from_path

    root = root_from_path(
        leaf_hash(base64.b64decode(proof["leaf"])),
        proof["index"],
        proof["size"],
        [base64.b64decode(node) for node in proof["path"]],
    )
    assert base64.b64encode(root).decode() == proof["checkpoint"].splitlines()[2]
    assert proof["subject"]["r"] and audit("GET", f"/ledger/{seq}/proof").json.get("subject") is None
    assert audit("GET", "/ledger/999999/proof").status == 404
    from kehu.serve.assurance.proofs import log_key, verifier_text

    (tmp_path / "verify.py").write_text(verifier_text())
    (tmp_path / "proof.json").write_text(json.dumps(proof))
    checker = [sys.executable, "verify.py", "proof.json", "--key", log_key()]
    checked = subprocess.run(checker, cwd=tmp_path, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert audit("POST", "/ledger/verifications", {"against": head}).json["ok"] is True
    assert audit("POST", "/ledger/verifications", {"against": "kehu/other\n1\nAAAA\n"}).json["ok"] is False


def test_a_ledger_that_cannot_be_written_opens_nothing(caller, database):
    [lin] = admit(LIN)
    ask = caller("service", "service")
    from kehu.guard.setup import open_owner

    with open_owner(database) as owner:
        owner.execute("revoke insert on ledger_entry from kehu_app")
    for method, path, body in (
        ("GET", f"/subjects/{lin}", None),
        ("GET", f"/subjects/{lin}/consents", None),
        ("POST", f"/subjects/{lin}/consents", {"purpose": "marketing"}),
        ("POST", "/find", {"criteria": {"email": LIN["email"]}}),
    ):
        found = ask(method, path, body)
        assert found.status == 503 and found.headers["Retry-After"], (path, found.text)
        assert not any(value in found.text for value in LIN.values())


def test_a_broken_connection_costs_one_answer_and_no_more(caller, database):
    [lin] = admit(LIN)
    ask = caller("service", "service")
    assert ask("GET", f"/subjects/{lin}").status == 200
    from kehu.guard.setup import open_owner

    with open_owner(database) as owner:
        owner.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'kehu_app' and datname = current_database()"
        )
    assert ask("GET", f"/subjects/{lin}").status == 503
    assert ask("GET", f"/subjects/{lin}").status == 200


def test_rate_is_bounded_by_token(caller):
    [lin] = admit(LIN)
    settings.API_RATE, settings.API_BURST = 0.01, 300  # three at once, then one every 100 seconds
    first, second = caller("service", "service"), caller("marketing", "marketing")
    found = [first("GET", f"/subjects/{lin}/explanation").status for _ in range(4)]
    assert found == [200, 200, 200, 429]
    assert int(first("GET", f"/subjects/{lin}").headers["Retry-After"]) >= 1
    assert second("GET", f"/subjects/{lin}/explanation").status == 200


def test_a_slow_rate_lets_one_in_at_a_time(monkeypatch):
    settings.API_RATE, settings.API_BURST, one = 0.2, 4, uuid.uuid4()
    now, limiter = 0.0, callers.Limiter()
    monkeypatch.setattr(callers, "time", SimpleNamespace(monotonic=lambda: now))
    limiter.take(one)
    with pytest.raises(callers.Busy) as busy:
        limiter.take(one)
    assert busy.value.seconds == 5
    now += 5
    limiter.take(one)


def test_whoever_asks_a_little_too_fast_is_let_through_at_the_rate(monkeypatch):
    settings.API_RATE, settings.API_BURST, one = 50, 1, uuid.uuid4()
    now, limiter, taken = 0.0, callers.Limiter(), 0
    monkeypatch.setattr(callers, "time", SimpleNamespace(monotonic=lambda: now))
    for _ in range(1000):
        now += 1 / 55
        with contextlib.suppress(callers.Busy):
            limiter.take(one)
            taken += 1
    assert 900 < taken < 970


def test_language_follows_the_reader(caller):
    [lin] = admit(LIN)
    ask = caller("marketing", "marketing")
    told = {
        tag: ask("GET", f"/subjects/{lin}", Accept_Language=tag)
        for tag in ("en", "zh-CN,zh;q=0.9", "zh-TW", "fr, zh-Hant;q=0.5", "fr")
    }
    assert told["en"].json["reason"] == told["fr"].json["reason"]
    assert told["zh-TW"].json["reason"] == told["fr, zh-Hant;q=0.5"].json["reason"]
    assert len({found.json["reason"] for found in told.values()}) == 3
    assert (
        told["zh-CN,zh;q=0.9"].json["title"] == "此操作被拒绝。"
        and told["zh-TW"].headers["Content-Language"] == "zh-hant"
    )


def test_nothing_is_kept_and_no_session_begins(caller):
    [lin] = admit(LIN)
    ask = caller("service", "service")
    found = ask("GET", f"/subjects/{lin}")
    assert "Set-Cookie" not in found.headers and found.headers["X-Content-Type-Options"] == "nosniff"
    own = str(uuid.uuid4())
    assert ask("GET", f"/subjects/{lin}", X_Request_Id=own).headers["X-Request-Id"] == own
    assert "lin" not in ask("GET", f"/subjects/{lin}", X_Request_Id="lin@mail.example").headers["X-Request-Id"]


def test_another_sites_cookie_opens_nothing(anyone):
    anyone._client.cookies["kehu_session"] = "x" * 32
    assert anyone("GET", f"/subjects/{UNKNOWN}").status == 401


def test_a_file_is_sent_looked_at_imported_and_followed(caller, database):
    ask = caller("service", "service")
    data = "external_id,full_name,email,newsletter,asked_at\nc1,林婉清,lin@mail.example,yes,2026-01-02\n,,nothing,,\n".encode()
    sent = ask("POST", "/uploads", raw=data, Content_Type="application/octet-stream")
    assert sent.status == 201
    nowhere = ask("POST", "/imports", {"files": [sent.json["file"]], "channel": "\0", "basis": "consent"})
    assert (nowhere.status, nowhere.json["code"], nowhere.headers.get("Retry-After")) == (422, "unkeepable", None)
    spool = Home.current() / "spool"
    lying = set(spool.iterdir())
    assert ask("POST", "/uploads", raw=b"", Content_Type="application/octet-stream").status == 422
    with patch("kehu.doors.api.imports._blocks", return_value=iter([b"a,b\n", "no bytes"])):
        assert ask("POST", "/uploads", raw=data, Content_Type="application/octet-stream").status == 500
    assert set(spool.iterdir()) == lying  # what broke off left nothing
    assert lying and not any(b"lin@mail.example" in path.read_bytes() for path in spool.iterdir())
    terms = {
        "files": [sent.json["file"]], "channel": "store", "basis": "contract", "residence": "CN",
        "consents": {"marketing": "newsletter"}, "consent_time": "asked_at",
    }  # fmt: skip
    seen = ask("POST", "/imports", terms | {"dry_run": True})
    assert seen.status == 200 and seen.json["mapping"]["email"] == "email" and seen.json["rows"] == 2
    assert "lin@mail.example" not in seen.text and (seen.json["recognised"], seen.json["notes"]) == ([], [])
    columns = b"Record ID,First Name,Last Name,Email,Contact owner,Create Date,Marketing contact status\n"
    export = columns + b"9,Mira,Roth,mira@mail.example,Ann,2026-01-02,Marketing contact\n"
    hubspot = ask("POST", "/uploads", raw=export, Content_Type="application/octet-stream").json["file"]
    told = ask("POST", "/imports", {"files": [hubspot], "channel": "store", "basis": "contract", "dry_run": True}).json
    assert told["recognised"] == ["HubSpot"] and "consent" in "".join(told["notes"])
    for wrong, status, code in (
        ({"basis": "legitimate_interest"}, 403, "refused"), ({"channel": "canary"}, 422, "usage"),
        ({"maps": {"phone": "canary"}}, 422, "mapping"), ({"consents": {"marketing": "canary"}}, 422, "mapping"),
        ({"maps": {"canary": "email"}}, 422, "mapping"),
    ):  # fmt: skip
        refused = ask("POST", "/imports", terms | wrong)
        assert (refused.status, refused.json["code"]) == (status, code) and "canary" not in refused.text
    begun = ask("POST", "/imports", terms)
    assert begun.status == 202
    path = f"/imports/{begun.json['import']}"
    assert ask("GET", path).json["state"] == "waiting"
    from kehu.collect.tasks import run_import

    run_import(begun.json["import"])  # as the worker does
    done = ask("GET", path).json
    assert (done["state"], done["rows"], done["created"], done["quarantined"], done["share"]) == ("done", 2, 1, 1, 1.0)
    listed = ask("GET", "/imports").json
    assert ([one["id"] for one in listed["imports"]], listed["next"]) == ([begun.json["import"]], None)
    later = ask(
        "POST", "/imports", terms | {"files": [hubspot], "residence": None, "consents": {}, "consent_time": None}
    )
    page = ask("GET", "/imports?limit=1").json
    assert [one["id"] for one in page["imports"]] == [later.json["import"]] == [page["next"]]
    page = ask("GET", f"/imports?limit=1&before={page['next']}").json
    assert ([one["id"] for one in page["imports"]], page["next"]) == ([begun.json["import"]], None)
    assert len(ask("POST", "/find", {"criteria": {"email": "lin@mail.example"}}).json["subjects"]) == 1


def test_unknown_is_404_whoever_asks(caller):
    for who in (("service", "service"), ("engineer", "service")):
        assert caller(*who)("GET", f"/subjects/{UNKNOWN}").status == 404
    assert Caller(None)("GET", "/nothing/here").json["code"] == "no-such-path"


def test_the_register_is_read_by_programs_too(caller):
    ask = caller("engineer", "service")
    listed = ask("GET", "/purposes?language=zh-hans").json["purposes"]
    assert {"purpose": "marketing", "label": "营销", "version": "1"}.items() <= listed[3].items()
    assert listed[3]["fields"] == len(ask("GET", "/purposes/marketing").json["purpose"]["least"])
    assert [one["version"] for one in ask("GET", "/notices").json["notices"]] == ["1"]
    assert ask("GET", "/notices/privacy").json["notice"]["from"]
    for path in ("/purposes/moon", "/notices/privacy@9", "/notices/moon"):
        assert ask("GET", path).status == 404, path
