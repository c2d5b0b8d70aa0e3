"""Customers' rights at the command line: every command's JSON and exit codes."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile

import pyrage

from tests.cast import admit
from tests.copies import by_passphrase
from tests.doors.test_cli import LIN, token_for


def subject_gone(kehu, subject, token):
    assert kehu("show", subject, "--purpose", "service", token=token)[0] == 1
    assert kehu("explain", subject, "--purpose", "service", token=token)[0] == 1
    code, found = kehu("find", f"email={LIN['email']}", "--purpose", "service", token=token)
    return code == 0 and found["subjects"] == []


def test_hold_erase_release(kehu):
    [lin] = map(str, admit(LIN))
    service = token_for(kehu, "service", "service")
    code, held = kehu("hold", lin, "--reason", "诉讼", "--until", "2030-01-01")
    [state] = held["states"]
    assert code == 0 and (state["kind"], state["category"], state["reason"]) == ("hold", None, "诉讼")
    assert state["until"].startswith("2030-01-01") and set(state) == {
        "id", "kind", "purpose", "category", "since", "until", "reason",
    }  # fmt: skip
    code, refused = kehu("erase", lin, "--reason", "asked")
    assert code == 3 and refused["waiting"] is True and refused["certificate"] is None
    assert refused["error"]["policy"] == "house.hold" and refused["error"]["article"]
    code, seen = kehu("show", lin, "--purpose", "service", token=service)
    assert code == 3 and seen["denied"]["email"]["policy"] == "house.kept"
    code, released = kehu("hold", lin, "--release")
    assert code == 0 and released["states"] == [] and released["certificate"]["residue"]
    assert subject_gone(kehu, lin, service)
    assert kehu("hold", lin, "--release")[0] == 1
    assert kehu("ledger", "verify")[0] == 0


def test_erase_dry_run_certificate_and_residue(kehu):
    [lin] = map(str, admit(LIN))
    service = token_for(kehu, "service", "service")
    assert kehu("hold", lin, "--reason", "r", "--category", "contact")[1]["states"][0]["category"] == "contact"
    code, plan = kehu("erase", lin, "--reason", "asked", "--dry-run")
    assert code == 0 and plan["dry_run"] is True and plan["waiting"] is False
    assert plan["certificate"]["goes"]["categories"] == {"identity": 1}
    assert kehu("show", lin, "--purpose", "service", token=service)[0] == 0
    code, done = kehu("erase", lin, "--reason", "-", input="asked by letter\n")
    certificate = done["certificate"]
    assert code == 0 and done["waiting"] is False and certificate["unconfirmed"] == []
    assert certificate["residue"] == plan["certificate"]["residue"]
    assert {line["what"] for line in certificate["residue"]} == {"contact", "request", "tombstone"}
    assert all(line["article"] and line["until"] for line in certificate["residue"])
    assert subject_gone(kehu, lin, service)
    assert kehu("erase", lin, "--reason", "again")[0] == 1
    privacy = token_for(kehu, "privacy", "claims")
    code, left = kehu("residue", certificate["id"], "--purpose", "claims", token=privacy)
    assert code == 0 and left["residue"]["records"][0]["values"]["email"][0] == LIN["email"]
    assert left["residue"]["requests"][0]["reason"] == "asked by letter"
    code, refused = kehu("residue", certificate["id"], "--purpose", "service", token=service)
    assert code == 3 and refused["error"]["policy"] == "house.kept"
    assert kehu("residue", certificate["id"], "--purpose", "claims")[0] == 3  # the owner reads nobody
    assert kehu("residue", lin, "--purpose", "claims", token=privacy)[0] == 1


def test_export_to_a_passphrase_and_to_a_key(kehu, tmp_path):
    [lin] = map(str, admit(LIN))
    code, copy = kehu("export", lin, "--to", str(tmp_path / "lin.age"))
    sealed = (tmp_path / "lin.age").read_bytes()
    assert code == 0 and copy["sha256"] == hashlib.sha256(sealed).hexdigest()
    assert set(copy) == {"file", "sha256", "categories", "unconfirmed", "passphrase", "ledger"}
    archive = zipfile.ZipFile(io.BytesIO(by_passphrase(sealed, copy["passphrase"])))
    data = json.loads(archive.read("data.json"))
    assert data["profile"]["email"] == LIN["email"] and data["profile"]["national_id"] == LIN["national_id"]
    identity = pyrage.x25519.Identity.generate()
    code, copy = kehu("export", lin, "--to", str(tmp_path / "k.age"), "--recipient", str(identity.to_public()))
    assert code == 0 and copy["passphrase"] is None
    assert pyrage.decrypt((tmp_path / "k.age").read_bytes(), [identity])
    opened = len(kehu("ledger", "list", "--subject", lin)[1]["rows"])
    assert kehu("export", lin, "--to", str(tmp_path / "n.age"), "--recipient", "age1no")[0] == 2
    assert kehu("export", lin)[0] == 2
    for place, why in (("no/n.age", "file"), ("lin.age", "file-exists")):  # neither opens anything
        code, answer = kehu("export", lin, "--to", str(tmp_path / place))
        assert (code, answer["error"]["code"]) == (1, why) and answer["error"]["remedy"]
    assert (tmp_path / "lin.age").read_bytes() == sealed
    assert len(kehu("ledger", "list", "--subject", lin)[1]["rows"]) == opened + 1  # of the look before


def test_request_from_open_to_answer(kehu):
    [lin] = map(str, admit(LIN))
    code, opened = kehu("request", "open", lin, "--right", "access", "--text", "-", input="我要副本\n")
    [row] = opened["requests"]
    assert code == 0 and (row["subject"], row["right"], row["text"]) == (lin, "access", "我要副本")
    assert row["clock"]["due_on"] and row["due"] and row["received_at"]
    code, opened = kehu("request", "open", "--identity", "full_name=无名", "--right", "erase")
    assert code == 0 and opened["requests"][0]["identity"] == {"full_name": "无名"}
    assert len(kehu("request", "list")[1]["requests"]) == 2
    code, answered = kehu("request", "answer", row["id"], "--outcome", "done", "--text", "sent")
    assert code == 0 and answered["requests"][0]["answer"] == "sent"
    assert kehu("request", "answer", row["id"], "--outcome", "done")[0] == 1
    assert [one["right"] for one in kehu("request", "list", "--open")[1]["requests"]] == ["erase"]
    assert kehu("request", "list", "--subject", lin)[1]["requests"][0]["id"] == row["id"]
    assert kehu("request", "open")[0] == 2
    assert kehu("request", "open", lin, "--right", "all")[0] == 2


def test_a_clock_that_no_law_lets_be_extended_is_refused_and_not_wrong_usage(kehu):
    chinese, european = map(str, admit(LIN, packs=1) + admit({"full_name": "Ann"}, packs=2))
    ids = [kehu("request", "open", one, "--right", "access")[1]["requests"][0]["id"] for one in (chinese, european)]
    code, refused = kehu("request", "extend", ids[0], "--reason", "many records")
    assert (code, refused["error"]["code"]) == (3, "clock-law") and "(CN)" in refused["error"]["message"]
    assert kehu("request", "extend", ids[1], "--reason", "many records")[0] == 0
    code, refused = kehu("request", "extend", ids[1], "--reason", "once more")
    assert (code, refused["error"]["code"]) == (3, "clock-recorded") and "before" in refused["error"]["message"]
    for wrong in (("extend", ids[1]), ("confirm", ids[1], "--at", "2001-01-01")):
        assert kehu("request", *wrong)[0] == 2


def test_the_request_of_somebody_erased_is_closed_without_a_text(kehu):
    [lin] = map(str, admit(LIN))
    [row] = kehu("request", "open", lin, "--right", "erase", "--text", "please")[1]["requests"]
    assert kehu("erase", lin, "--reason", "asked")[0] == 0
    code, refused = kehu("request", "answer", row["id"], "--text", "You are erased.")
    assert (code, refused["error"]["code"]) == (1, "erased-already") and "without a text" in refused["error"]["remedy"]
    [closed] = kehu("request", "answer", row["id"])[1]["requests"]
    assert closed["state"] == "done" and closed["answer"] is None


def test_incident_and_its_reach(kehu):
    [lin] = map(str, admit(LIN))
    token = token_for(kehu, "service", "service")
    kehu("show", lin, "--purpose", "service", "--fields", "email", token=token)
    code, opened = kehu(
        "incident", "open", "--staff", "service@kehu.example", "--since", "2026-01-01", "--text", "leak"
    )
    [row] = opened["incidents"]
    assert (
        code == 0 and row["text"] == "leak" and {one["law"] for one in row["clocks"]} == {"CN", "EU", "US", "JP", "AU"}
    )
    code, found = kehu("incident", "reach", row["id"])
    assert code == 0 and found["uses"] == 1 and found["jurisdictions"] == {"CN": 1}
    assert found["fields"] == [{"field": "email", "uses": 1, "jurisdictions": {"CN": 1}}]
    assert kehu("incident", "reach", "--staff", "service@kehu.example")[1] == found
    assert kehu("incident", "clocks")[1]["incidents"][0]["id"] == row["id"]
    assert kehu("incident", "reach")[0] == 2 and kehu("incident", "reach", "--staff", "no@kehu.example")[0] == 1


def test_withdrawal_lists_what_rested_on_it(kehu, tmp_path):
    [lin] = map(str, admit(LIN, basis="consent"))
    (tmp_path / "form.pdf").write_bytes(b"signed")
    code, given = kehu("consent", "give", lin, "marketing", "--evidence", str(tmp_path / "form.pdf"))
    assert code == 0 and given["consents"][0]["evidence"] is True
    code, taken = kehu("consent", "withdraw", lin, "marketing")
    assert code == 0 and taken["consents"][0]["status"] == "withdrawn"
    assert [row["categories"] for row in taken["rested"]] == [["identity", "contact"]]


def test_not_for_service(kehu, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    [lin] = map(str, admit(LIN))
    token = token_for(kehu, "service", "rights-request")
    for words in (
        ("hold", lin, "--reason", "r"), ("erase", lin, "--reason", "r"), ("erase", lin, "--reason", "r", "--dry-run"),
        ("export", lin, "--to", "x.age"), ("request", "list"), ("incident", "clocks"), ("restrict", lin),
    ):  # fmt: skip
        code, refused = kehu(*words, token=token)
        assert code == 3 and refused["error"]["code"] == "role", words
    assert list(tmp_path.iterdir()) == []


def test_a_token_of_another_purpose(kehu):
    [lin] = map(str, admit(LIN))
    token = token_for(kehu, "privacy", "complaints")
    assert kehu("erase", lin, "--reason", "r", token=token)[1]["error"]["policy"] == "house.scope"
    right = kehu("token", "issue", "--staff", "privacy@kehu.example", "--purpose", "rights-request")[1]["token"]
    assert kehu("erase", lin, "--reason", "r", token=right)[0] == 0


def test_wrong_usage(kehu):
    [lin] = map(str, admit(LIN))
    nobody = "01990000-0000-7000-8000-000000000000"
    for words, code in (
        (("hold", lin), 2), (("hold", lin, "--reason", "r", "--category", "x"), 2), (("erase", lin), 2),
        (("hold", nobody, "--reason", "r"), 1), (("erase", nobody, "--reason", "r"), 1),
        (("erase", lin, "--reason", "r", "--confirm", nobody), 2), (("erase", "lin", "--reason", "r"), 2),
        (("hold", lin, "--reason", "r", "--until", "2020-01-01"), 2), (("hold", lin, "--release"), 1),
        (("export", nobody, "--to", "/tmp/x"), 1), (("residue", nobody, "--purpose", "legal"), 1),
    ):  # fmt: skip
        assert kehu(*words)[0] == code, words
