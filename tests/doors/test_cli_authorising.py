"""Consents and subscriptions at the command line: JSON and exit codes."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest

from tests.cast import admit
from tests.doors.test_cli import LIN, token_for
from tests.paper import jpeg, sheet

TO_X = ("--event", "provide", "--recipient", "Fair Freight Ltd", "--fields", "email,phone")


def test_a_separate_consent_is_given_listed_and_taken_back_alone(kehu):
    [lin] = map(str, admit(LIN))
    code, found = kehu("consent", "give", lin, "service", *TO_X)
    [row] = found["consents"]
    assert code == 0 and (row["event"], row["recipient"], row["fields"]) == (
        "provide",
        "Fair Freight Ltd",
        ["email", "phone"],
    )
    assert (row["kind"], row["state"], row["in_force"]) == ("specific", "dpv:ConsentGiven", True)
    assert kehu("consent", "withdraw", lin, "service", "--only", row["id"])[0] == 0
    code, found = kehu("consent", "list", lin)
    assert [one["state"] for one in found["consents"]] == ["dpv:ConsentWithdrawn"] * 2
    assert kehu("consent", "withdraw", lin, "service", "--only", row["id"])[0] == 1
    for wrong in (
        ("--event", "provide"),
        ("--event", "abroad", "--recipient", "X"),
        ("--recipient", "X"),
        ("--event", "sell"),
    ):
        assert kehu("consent", "give", lin, "service", *wrong)[0] == 2
    assert (
        kehu("consent", "give", lin, "service", "--event", "sensitive", "--fields", "income")[0] == 2
    )  # service needs none


def test_asked_refused_invalidated(kehu):
    [lin] = map(str, admit(LIN))
    code, found = kehu("consent", "ask", lin, "marketing")
    request = found["consents"][0]["id"]
    assert code == 0 and found["consents"][0]["state"] == "dpv:ConsentRequested"
    assert (
        kehu("consent", "refuse", lin, "marketing", "--answers", request)[1]["consents"][0]["state"]
        == "dpv:ConsentRefused"
    )
    given = kehu("consent", "give", lin, "marketing")[1]["consents"][0]["id"]
    code, found = kehu("consent", "invalidate", given)
    assert code == 0 and {one["state"] for one in found["consents"] if one["id"] == given} == {"dpv:ConsentInvalidated"}
    code, refused = kehu("consent", "invalidate", request)
    assert code == 1 and refused["error"]["code"] == "unknown-consent"
    marketing = token_for(kehu, "marketing", "marketing")
    assert kehu("consent", "invalidate", given, token=marketing)[0] == 3


def test_a_proof_is_kept_compared_and_written(kehu, tmp_path):
    [lin] = map(str, admit(LIN))
    form = tmp_path / "form.pdf"
    scan = sheet(format="PDF")
    form.write_bytes(scan)
    proof = ("--evidence", str(form), "--proof", "paper-form", "--reference", "-")
    row = kehu("consent", "give", lin, "marketing", *proof, input="binder 7\n")[1]["consents"][0]
    assert (row["evidence"], row["proof"]) == (True, "paper-form")
    code, held = kehu("consent", "evidence", row["id"], "--compare", str(form), "--to", str(tmp_path / "kept"))
    assert code == 0 and held["same"] is True and held["reference"] == "binder 7"
    assert held["sha256"] == hashlib.sha256(scan).hexdigest()
    kept = (tmp_path / "kept").read_bytes()
    assert jpeg(kept).width > 500  # drawn anew
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o600
    assert kehu("consent", "evidence", row["id"], "--to", str(tmp_path / "kept"))[0] == 1  # never over another file
    assert base64.b64encode(kept)[:80].decode() not in json.dumps(held)
    bare = kehu("consent", "give", lin, "marketing")[1]["consents"][0]["id"]
    assert kehu("consent", "evidence", bare)[1]["error"]["code"] == "no-evidence"
    assert kehu("consent", "evidence", row["id"], token=token_for(kehu, "service", "service"))[0] == 3


def test_a_guardian_is_named_at_the_command_line(kehu):
    [child] = map(str, admit(LIN, age=1))
    assert kehu("consent", "give", child, "service", "--guardian", "parent")[0] == 2
    told = ("--guardian", "parent", "--guardian-name", "-", "--proof", "household-register")
    code, found = kehu("consent", "give", child, "service", *told, input="林海zq\n")
    assert (
        code == 0
        and found["consents"][0]["guardian"] == "parent"
        and "林海zq" not in json.dumps(found, ensure_ascii=False)
    )


def test_subscriptions(kehu):
    [lin] = map(str, admit(LIN))
    code, found = kehu("subscriptions", "topics")
    assert code == 0 and {"newsletter", "service-news"} <= {one["topic"] for one in found["topics"]}
    code, found = kehu("subscriptions", "set", lin, "email", "newsletter", "subscribed")
    assert code == 0
    assert found["subscriptions"] == [
        {"medium": "email", "topic": "newsletter", "status": "subscribed", "ground": "consent"}
    ]
    assert kehu("subscriptions", "set", lin, "phone", "offers", "suppressed")[0] == 0
    code, refused = kehu("subscriptions", "set", lin, "phone", "offers", "subscribed")
    assert code == 3 and refused["error"]["code"] == "suppressed" and refused["error"]["remedy"]
    code, found = kehu("subscriptions", "list", lin)
    assert code == 0 and [one["status"] for one in found["said"]] == ["suppressed", "subscribed"]
    assert kehu("subscriptions", "set", lin, "fax", "offers", "subscribed")[0] == 2
    nobody = "01990000-0000-7000-8000-000000000000"
    code, refused = kehu("subscriptions", "set", nobody, "email", "offers", "subscribed", "--reference", "binder 7")
    assert (code, refused["error"]["code"]) == (1, "unknown-subject")
    assert kehu("subscriptions", "set", lin, "email", "gossip", "subscribed")[0] == 2
    assert kehu("subscriptions", "set", lin, "email", "offers", "unsubscribed", "--ground", "consent")[0] == 2
    assert kehu("subscriptions", "list", "0199aaaa-0000-7000-8000-000000000000")[0] == 1
    assert kehu("subscriptions", "list", lin, token=token_for(kehu, "analyst", "analytics"))[0] == 3


@pytest.mark.parametrize("notice", ["privacy@draft", "privacy@", "privacy@²", "privacy@77"])
def test_a_consent_under_a_version_that_is_none_is_refused_and_not_under_the_one_in_force(kehu, notice):
    [lin] = map(str, admit(LIN))
    code, refused = kehu("consent", "give", lin, "marketing", "--notice", notice)
    assert (code, refused["error"]["code"]) == (2, "unknown-notice")
    assert kehu("consent", "list", lin)[1]["consents"] == []
