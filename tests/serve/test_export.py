"""A copy: everything on one person and nobody else's, sealed to them."""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import json
import os
import stat
import subprocess
import zipfile
from datetime import UTC, datetime
from html.parser import HTMLParser

import pyrage
import pytest

from kehu.govern import holders as registry
from kehu.govern.slugs import PUBLIC_INFORMATION, PUBLIC_INFORMATION_NUMBER
from kehu.guard.gate.acts import ActRefused, Refused
from kehu.guard.gate.read import gate
from kehu.guard.ledger.check import check_proof
from kehu.guard.staff.actions import actor_of_token, issue_token, owner_actor
from kehu.serve.rights import holds, requests
from kehu.serve.rights.consents import actions
from kehu.serve.rights.consents.evidence import Evidence
from kehu.serve.rights.copy import export as copies
from kehu.serve.rights.copy.export import export
from kehu.serve.rights.copy.redact import Redactor
from kehu.vault.ids import new_id
from tests.cast import admit, staff
from tests.copies import by_passphrase
from tests.places import places
from tests.serve.holdings import KEPT, MARK, PERSON, add_event, know_everywhere, link, raw

IDENTITY = pyrage.x25519.Identity.generate()
# to a passphrase it takes age a second or two, on purpose, and as long to open; that has a test of its own
to_key = functools.partial(export, recipient=str(IDENTITY.to_public()))
ANNA = {
    "full_name": "Anna Berg", "email": "family@mail.example", "phone": "+4915112345678", "national_id": "11010519491231002X",
    "birth_date": "1980-01-02",
}  # fmt: skip
BERT = {"full_name": "Bertold Berg", "email": "family@mail.example", "phone": "+4915187654321", "street": "Bertweg 9"}


def opened(copy, identity=IDENTITY):
    sealed = copy.file.read_bytes()
    assert hashlib.sha256(sealed).hexdigest() == copy.sha256 and sealed.startswith(b"age-encryption.org/v1")
    plain = by_passphrase(sealed, copy.passphrase) if copy.passphrase else pyrage.decrypt(sealed, [identity])
    archive = zipfile.ZipFile(io.BytesIO(plain))
    assert archive.namelist() == ["data.json", "index.html"]
    return json.loads(archive.read("data.json")), archive.read("index.html").decode()


def test_everything_of_a_and_nothing_of_b(database, tmp_path):
    anna, bert = admit(ANNA, BERT)
    link(anna, bert, 3)  # linkage believes the shared mailbox
    add_event(anna, 3, {"order_id": "A-77", "amount": "12.00", "ordered_at": "2026-01-02"})
    add_event(bert, 3, {"order_id": "B-88", "amount": "99.00", "ordered_at": "2026-01-03"})
    holds.hold(bert, actor=owner_actor(), reason="bert sues", categories=["social"])
    requests.open_request(subject=bert, right="access", actor=owner_actor(), text="bert asks")
    copy = to_key(anna, actor=owner_actor(), to=tmp_path / "a.age")
    assert copy.unconfirmed == (bert,) and copy.categories == ("contact", "identity", "transaction")
    data, page = opened(copy)
    whole = json.dumps(data, ensure_ascii=False) + page
    for value in [*ANNA.values(), "A-77", "12.00"]:
        assert value in whole, value
    for value in ["Bertold", "4915187654321", "Bertweg", "B-88", "99.00", "bert sues", "bert asks", str(bert)]:
        assert value not in whole, value
    assert data["profile"]["national_id"] == ANNA["national_id"]  # in clear: it is theirs, sealed to them
    [first, order] = data["records"]
    assert first["basis"] == "contract" and first["channel"] == "store" and first["notice"] == "privacy@1"
    assert order["kind"] == "order" and order["values"]["order_id"]["given"] == "A-77"


def test_the_search_sees_a_copy_that_reached_too_far(database, tmp_path, monkeypatch):
    """The control: opened as the whole customer, the other person would be in it."""
    anna, bert = admit(ANNA, BERT)
    link(anna, bert, 3)
    whole = gate()

    class Careless:
        def open(self, subjects, **options):
            return whole.open(subjects, **(options | {"reach": "customer"}))

    monkeypatch.setattr(copies, "gate", Careless)
    assert "Bertweg 9" in str(opened(to_key(anna, actor=owner_actor(), to=tmp_path / "a.age")))


def test_what_is_confirmed_comes_along(database, tmp_path):
    anna, bert = admit(ANNA, BERT)
    link(anna, bert, 3)
    copy = to_key(anna, actor=owner_actor(), to=tmp_path / "a.age", confirm=[bert])
    assert copy.unconfirmed == () and "Bertweg 9" in json.dumps(opened(copy)[0])
    with pytest.raises(ValueError, match="confirm"):
        to_key(anna, actor=owner_actor(), to=tmp_path / "b.age", confirm=[new_id()])


def test_every_register_and_every_holder_is_in_it(database, tmp_path):
    [lin] = admit(PERSON)
    know_everywhere(lin)
    data, page = opened(to_key(lin, actor=owner_actor(), to=tmp_path / "a.age"))
    assert data["consents"][0]["purpose"] == "marketing" and data["consents"][0]["evidence"]
    assert {(s["kind"], s["reason"]) for s in data["states"]} == {
        ("restriction", f"{MARK} disputes"), ("hold", "‹…› (GDPR 23, PIPL 18)"),
    }  # fmt: skip
    assert f"{MARK} sues" not in page
    assert data["requests"][0]["text"] == f"{KEPT} asks"
    assert data["refused_rows"][0]["row"] == f"{MARK},x" and data["supposed_matches"] and data["sign_ins"]
    assert f"{KEPT} asks" in page and "data.json" in page


def test_why_a_hold_stands_is_told_only_where_somebody_said_that_it_may_be(database, tmp_path):
    """That it stands, on what ground and until when is told always; the reason may be an investigation that they would warn."""
    [lin], until = admit(PERSON), datetime(2999, 6, 30, tzinfo=UTC)
    for reason, tellable in (("suspected of fraud", False), ("lawsuit 12/2026", True)):
        holds.hold(lin, actor=owner_actor(), reason=reason, until=until, tellable=tellable)
    data, page = opened(to_key(lin, actor=owner_actor(), to=tmp_path / "a.age"))
    assert {(s["reason"], s["ground"], s["until"]) for s in data["states"]} == {
        ("‹…› (GDPR 23, PIPL 18)", "GDPR 17(3)(e), PIPL 47", until.isoformat()),
        ("lawsuit 12/2026", "GDPR 17(3)(e), PIPL 47", until.isoformat()),
    }  # fmt: skip
    assert "fraud" not in page + str(data) and "lawsuit 12/2026" in page


def test_an_objection_to_what_is_public_names_no_purpose(database, tmp_path):
    [lin] = admit(PERSON)
    actions.enter_state(lin, "objection", actor=owner_actor(), act="object", purpose=PUBLIC_INFORMATION_NUMBER)
    data, page = opened(to_key(lin, actor=owner_actor(), to=tmp_path / "a.age"))
    assert [one["purpose"] for one in data["states"]] == [PUBLIC_INFORMATION]
    assert "what is public about you" in page and "您的已公开信息" in page and PUBLIC_INFORMATION not in page


def test_a_holder_that_registers_is_asked(database, tmp_path):
    class Notes:
        name, tables = "notes", frozenset()

        def export(self, subject, *, actor):
            return {"notes": [f"note on {subject}"]}

        def erase(self, subject):
            return 0

    registry.register(Notes())
    try:
        [lin] = admit(PERSON)
        assert opened(to_key(lin, actor=owner_actor(), to=tmp_path / "a.age"))[0]["notes"] == [f"note on {lin}"]
    finally:
        registry.unregister("notes")


def test_ledger_rows_come_with_proofs_that_check(database, tmp_path):
    [lin] = admit(PERSON)
    copy = to_key(lin, actor=owner_actor(), to=tmp_path / "a.age")
    data, _ = opened(copy)
    assert [row["action"] for row in data["ledger"]][:2] == ["collect", "export"]
    assert copy.seq in {row["seq"] for row in data["ledger"]}
    for row in data["ledger"]:
        assert all(step.ok for step in check_proof(row["proof"])), row["seq"]
    assert "kehu.example" not in json.dumps(data["ledger"])  # roles and departments, no names of staff
    [row] = raw().execute("select subjects from ledger_entry where action = 7 limit 1").fetchall()
    assert row == (1,)


def test_a_guardian_is_another_person(database, tmp_path):
    child, mother = admit(ANNA | {"full_name": "Kim"}, BERT, age=1)
    actions.give(child, 4, actor=owner_actor(), kind="specific", until=None, notice=None, by_subject=mother)
    data, page = opened(to_key(child, actor=owner_actor(), to=tmp_path / "a.age"))
    assert str(mother) not in json.dumps(data) + page
    assert data["profile"]["full_name"] == "Kim"  # a child's copy needs no guardian's consent and no second factor
    assert data["withheld"] == [
        {
            "consent": data["consents"][0]["id"],
            "field": "by",
            "what": "guardian",
            "mark": "‹…›",
            "article": "GDPR 15(4), PIPL 45",
        }
    ]


def test_a_guardians_papers_are_in_no_copy_of_the_child(database, tmp_path):
    """Whoever gets the copy, another parent say: an identity card or a household register is the guardian's."""
    [child] = admit(ANNA, age=1)
    papers = Evidence("household-register", b"Mother, born 1990", "binder 7", "Mother")
    given = {"kind": "specific", "until": None, "notice": None, "by_subject": None}
    actions.give(child, 4, actor=owner_actor(), evidence=papers, guardian="parent", **given)
    actions.give(child, 4, actor=owner_actor(), evidence=Evidence("email", b"Yes."), **given)
    data, page = opened(to_key(child, actor=owner_actor(), to=tmp_path / "a.age"))
    theirs, own = data["consents"]
    assert (theirs["by"], theirs["evidence"]) == ("‹…›", "‹…›") and theirs["proof"]["kind"] == "household-register"
    assert base64.b64decode(own["evidence"]) == b"Yes."
    assert [(one["consent"], one["field"]) for one in data["withheld"]] == [
        (theirs["id"], "by"), (theirs["id"], "evidence"),
    ]  # fmt: skip
    assert "Mother" not in json.dumps(data) + page and "binder 7" not in json.dumps(data) + page


def test_others_in_free_text_are_taken_out_with_the_reason(database, tmp_path):
    [anna] = admit(ANNA)
    record = add_event(
        anna, 4, {"kind": "call", "text": "Anna (family@mail.example, 151 12345678) gave bert@mail.example, +49 151 87654321, on 2026-11-25"}
    )  # fmt: skip
    data, page = opened(to_key(anna, actor=owner_actor(), to=tmp_path / "a.age"))
    [text] = [row["values"]["text"]["given"] for row in data["records"] if row["record"] == str(record)]
    assert text == "Anna (family@mail.example, 151 12345678) gave ‹…›, ‹…›, on 2026-11-25"
    assert "87654321" not in json.dumps(data) + page
    assert {(one["what"], one["article"]) for one in data["withheld"]} == {
        ("email", "GDPR 15(4), PIPL 45"), ("number", "GDPR 15(4), PIPL 45"),
    }  # fmt: skip


def test_others_in_why_a_state_was_entered_or_lifted_are_taken_out_with_the_reason(database, tmp_path):
    """Staff wrote it, perhaps who called; the letter before a lifting says that the reason is in the copy."""
    [anna], office = admit(ANNA), owner_actor()
    holds.hold(anna, actor=office, reason="her lawyer, law@firm.example, asked", tellable=True)
    actions.enter_state(anna, "restriction", actor=office, act="restrict", reason="bert@mail.example called")
    why = "family@mail.example and Bert, +49 151 87654321, agreed"
    actions.lift_state(anna, "restriction", actor=office, act="restrict", reason=why, told="post")
    data, page = opened(to_key(anna, actor=owner_actor(), to=tmp_path / "a.age"))
    assert not any(one in json.dumps(data) + page for one in ("law@", "bert@", "87654321"))
    told = {row["id"]: (row["reason"], row["lifted_because"]) for row in data["states"]}
    assert sorted(told.values(), key=str) == [
        ("her lawyer, ‹…›, asked", None),
        ("‹…› called", "family@mail.example and Bert, ‹…›, agreed"),
    ]
    assert sorted((told[one["entry"]][0], one["field"], one["what"]) for one in data["withheld"]) == [
        ("her lawyer, ‹…›, asked", "reason", "email"),
        ("‹…› called", "lifted_because", "number"),
        ("‹…› called", "reason", "email"),
    ]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("order 12.50 of 2026-01-02", "order 12.50 of 2026-01-02"), ("call 13900000000", "call ‹…›"),
        ("id 11010519491231002X", "id ‹…›"), ("mail a.b+c@x-y.example.", "mail ‹…›."), ("", ""),
        ("mine: +86 138 0000 6721", "mine: +86 138 0000 6721"), ("mine: 13800006721", "mine: 13800006721"),
    ],
)  # fmt: skip
def test_redaction(text, clean):
    assert Redactor.knowing(["+8613800006721"]).clean(text, record=new_id(), field="text") == clean


def test_to_a_key_or_a_passphrase(database, tmp_path):
    [anna] = admit(ANNA)
    identity = pyrage.x25519.Identity.generate()
    copy = export(anna, actor=owner_actor(), to=tmp_path / "k.age", recipient=str(identity.to_public()))
    assert copy.passphrase is None and opened(copy, identity)[0]["subject"] == str(anna)
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(copy.file.read_bytes(), [pyrage.x25519.Identity.generate()])
    with pytest.raises(ValueError, match="recipient"):
        export(anna, actor=owner_actor(), to=tmp_path / "n.age", recipient="age1nonsense")
    first = export(anna, actor=owner_actor(), to=tmp_path / "p.age").passphrase
    assert len(first) == 35 and first != export(anna, actor=owner_actor(), to=tmp_path / "q.age").passphrase
    assert stat.S_IMODE(os.stat(tmp_path / "p.age").st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["k.age", "p.age", "q.age"]


def test_no_plaintext_on_a_disk(database, tmp_path):
    [lin] = admit(PERSON)
    to_key(lin, actor=owner_actor(), to=tmp_path / "a.age")
    searched = [str(tmp_path), *places(database)]
    assert subprocess.run(["grep", "-rlaF", MARK, *searched], capture_output=True, text=True).stdout == ""
    (tmp_path / "leak").write_text(MARK)  # the control
    assert subprocess.run(["grep", "-rlaF", MARK, str(tmp_path)], capture_output=True, text=True).stdout


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.languages, self.links = [], [], []

    def handle_starttag(self, tag, attrs):
        held = dict(attrs)
        self.tags.append(tag)
        if tag == "section":
            self.languages.append(held["lang"])
        self.links += [value for name, value in attrs if name in ("href", "src")]


def test_the_page_is_self_contained_in_three_languages(database, tmp_path):
    [lin] = admit({"full_name": "<script>alert(1)</script>", "email": "x@mail.example"})
    page = opened(to_key(lin, actor=owner_actor(), to=tmp_path / "a.age"))[1]
    read = Page()
    read.feed(page)
    assert read.languages == ["zh-Hans", "zh-Hant", "en"] and "script" not in read.tags
    assert all(link.startswith("#") for link in read.links)
    for words in ("我们掌握的您的信息", "我們掌握的您的資訊", "What we know about you"):
        assert words in page


def test_who_may(database, tmp_path):
    [anna] = admit(ANNA)
    for role in ("service", "manager", "auditor"):
        with pytest.raises(ActRefused):
            to_key(anna, actor=staff(role), to=tmp_path / "x.age")
    staff("privacy")
    actor = actor_of_token(issue_token(email="privacy@kehu.example", purpose="claims", minutes=5)[0])
    with pytest.raises(Refused):
        to_key(anna, actor=actor, to=tmp_path / "x.age")
    with pytest.raises(Refused) as refused:
        to_key(anna, actor=staff("legal", attest=False), to=tmp_path / "x.age")
    assert refused.value.policy == "house.agreement" and list(tmp_path.iterdir()) == []
