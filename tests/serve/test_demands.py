"""What an authority demands: two offices, its document, the gate, the ledger, and the customer's own log."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pyrage
import pytest
from django.db import DatabaseError, connection, transaction

from kehu.govern.parts import UnknownSubject
from kehu.guard.gate.acts import ActRefused, Refused
from kehu.guard.ledger import withheld
from kehu.guard.ledger.own import own_ledger
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import actor_of, add_staff, owner_actor
from kehu.host.home import CannotWrite
from kehu.serve.assurance import queries
from kehu.serve.leaving import demands, handing
from kehu.serve.leaving.demands import Asked, NotToHandOver, UnknownDemand
from kehu.serve.leaving.holders import DemandHolder
from kehu.serve.office import posts
from kehu.serve.rights.copy.export import export
from kehu.serve.rights.erasing import erasure
from kehu.vault.assignment import CONFIRMED, PROBABLE
from kehu.vault.ids import new_id
from tests.cast import admit, staff
from tests.serve.holdings import link

LIN = {"full_name": "林小红", "email": "lin@mail.example", "phone": "+8613800006721"}
WANG = {"full_name": "王小明", "email": "wang@mail.example"}
ORDER = b"%PDF-1.7 order about LIN-CANARY-771"
FIELDS = ("email", "full_name")
SOON = datetime.now(UTC) + timedelta(days=90)


def demanded(actor, *subjects, document=ORDER, **more):
    given = {
        "authority": "Beijing No. 3 Court", "country": "CN", "provision": "CPL 54", "reference": "2026-18",
        "fields": FIELDS, "customers": subjects,
    }  # fmt: skip
    return demands.register_demand(Asked(**given | more), document, actor=actor)


def own(subject):
    return [row for row in own_ledger(subject, actor=owner_actor()).rows if row.action == "give"]


@pytest.fixture
def house(database):
    return staff("legal"), staff("privacy"), admit(LIN, WANG)


@pytest.fixture
def key():
    return pyrage.x25519.Identity.generate()


def handed(held, actor, to, key):
    made = handing.hand_over(held.id, actor=actor, to=to, key=str(key.to_public()))
    return made, json.loads(pyrage.decrypt(to.read_bytes(), [key]))


def test_one_office_asks_another_lets_and_who_it_is_about_sees_it(house, tmp_path, key):
    legal, privacy, (lin, wang) = house
    held = demanded(legal, lin)
    assert held.state == "waiting" and held.subjects == (lin,)
    with pytest.raises(NotToHandOver):
        handing.hand_over(held.id, actor=legal, to=tmp_path / "no.age", key=str(key.to_public()))
    assert demands.decide(held.id, actor=privacy, approve=True).state == "ready"
    made, answer = handed(held, legal, tmp_path / "a.age", key)
    assert (made.rows, made.kept_back) == (1, {})
    [person] = answer["customers"]
    assert person["values"] == {"email": "lin@mail.example", "full_name": "林小红"} and person["customer"] == str(lin)
    assert answer["provision"] == "CPL 54" and b"lin@mail" not in (tmp_path / "a.age").read_bytes()
    [row] = own(lin)
    assert (row.recipient, row.country, row.purpose, row.clear) == ("Beijing No. 3 Court", "CN", "legal", FIELDS)
    assert own(wang) == []
    ledger = [one for one in queries.rows(actor=staff("auditor"), subject=lin) if one["action"] == "give"]
    assert ledger[0]["recipient"] == "Beijing No. 3 Court" and ledger[0]["fields"] == list(FIELDS)
    assert demands.demand_of(held.id).state == "done"
    with pytest.raises(NotToHandOver):  # once
        handing.hand_over(held.id, actor=legal, to=tmp_path / "b.age", key=str(key.to_public()))
    with pytest.raises(NotToHandOver):
        demands.decide(held.id, actor=privacy, approve=False)


def test_one_that_waits_is_shown_however_many_are_newer(house, monkeypatch):
    legal, privacy, (lin, _) = house
    waits, refused, newest = [demanded(legal, lin).id for _ in range(3)]
    for id in (refused, newest):
        demands.decide(id, actor=privacy, approve=False)
    monkeypatch.setattr(demands, "_NEWEST", 1)
    assert [one.id for one in demands.demands(actor=privacy)] == [newest, waits]
    assert [one.id for one in demands.demands(actor=privacy, everything=True)] == [newest, refused, waits]
    assert demands.how_many() == 3


def test_of_whom_linkage_alone_joined_nothing_goes_along_unless_they_were_named(house, tmp_path, key):
    legal, privacy, (lin, wang) = house
    [hers] = admit({"full_name": "林小红", "phone": "+8613800006722"})
    link(lin, wang, PROBABLE)
    link(lin, hers, CONFIRMED)
    for named, found in (
        ((lin,), {lin: {"lin@mail.example"}}),
        ((hers,), {lin: {"lin@mail.example"}}),
        ((wang,), {wang: {"wang@mail.example"}}),
        ((lin, wang), {lin: {"lin@mail.example"}, wang: {"wang@mail.example"}}),
    ):
        held = demanded(legal, *named)
        demands.decide(held.id, actor=privacy, approve=True)
        made, answer = handed(held, legal, tmp_path / f"{held.id}.age", key)
        assert {UUID(one["customer"]): {one["values"]["email"]} for one in answer["customers"]} == found
        assert (made.rows, len(answer["customers"])) == (len(found), len(found))
        assert ("王小明" in str(answer)) == (wang in found) and ("林小红" in str(answer)) == (lin in found)


def test_only_the_legal_office_asks_and_only_the_privacy_office_lets(house, tmp_path):
    legal, privacy, (lin, _) = house
    for who in (privacy, staff("service")):
        with pytest.raises(Refused) as refused:
            demanded(who, lin)
        assert refused.value.policy == "house.authority"
    with pytest.raises(ActRefused):
        demanded(staff("auditor"), lin)
    held = demanded(legal, lin)
    with pytest.raises(Refused) as refused:
        demands.decide(held.id, actor=legal, approve=True)
    assert refused.value.policy == "house.second-person"
    with pytest.raises(ActRefused):
        demands.decide(held.id, actor=staff("manager"), approve=True)
    with pytest.raises(ActRefused):
        demands.demands(actor=staff("marketing"))
    demands.decide(held.id, actor=privacy, approve=True)
    add_staff(email="he@kehu.example", role="legal", department=None, attest=True)
    for who in (privacy, he := actor_of("he@kehu.example")):
        with pytest.raises(Refused):  # the file is written by whoever registered it
            handing.hand_over(held.id, actor=who, to=tmp_path / "a.age")
    posts.close(legal.staff, actor=owner_actor())
    with pytest.raises(Refused):
        handing.hand_over(held.id, actor=privacy, to=tmp_path / "a.age")
    assert handing.hand_over(held.id, actor=he, to=tmp_path / "a.age").rows == 1  # once they left, by their office


def test_the_database_holds_the_hands(house):
    legal, privacy, (lin, wang) = house
    held = demanded(legal, lin)

    def refused(statement, *values):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, values)

    decided = (
        "update authority_demand set decided_by = %s, decided_at = clock_timestamp(), approved = true where id = %s"
    )
    refused(decided, legal.human, held.id)
    refused(decided, staff("auditor").human, held.id)
    refused("update authority_demand set ran_at = clock_timestamp() where id = %s", held.id)
    refused("update authority_demand set country = 'US' where id = %s", held.id)
    refused("insert into authority_demand_subject (demand, subject) values (%s, %s)", held.id, wang)
    refused("delete from authority_demand where id = %s", held.id)
    demands.decide(held.id, actor=privacy, approve=True)
    refused("update authority_demand set approved = false where id = %s", held.id)
    refused(
        "insert into authority_approval (id, demand, law, reference, recorded_by) values (%s, %s, 'CN', 'x', %s)",
        new_id(), held.id, legal.human,
    )  # fmt: skip


def test_an_authority_abroad_gets_nothing_without_what_its_law_asks_for(house, tmp_path, key):
    legal, privacy, (lin, _) = house
    german = admit({"full_name": "Eva", "email": "eva@mail.example"}, packs=2)[0]
    for approvals, rows, kept in (
        ((), 0, {"cn.pipl.41-foreign-authority": 1, "eu.gdpr.48-foreign-authority": 1}),
        (("CN",), 1, {"eu.gdpr.48-foreign-authority": 1}),
        (("CN", "EU"), 2, {}),
    ):
        held = demanded(legal, lin, german, authority="District Court", country="US")
        for law in approvals:
            held = demands.approve_abroad(held.id, law, reference=f"MLAT {law}", document=b"approval", actor=legal)
        with pytest.raises(ValueError):
            demands.approve_abroad(held.id, "JP", reference="x", document=None, actor=legal)
        demands.decide(held.id, actor=privacy, approve=True)
        made, answer = handed(held, legal, tmp_path / f"{rows}.age", key)
        assert (made.rows, made.kept_back, len(answer["customers"])) == (rows, kept, rows)
    with pytest.raises(NotToHandOver):  # what the privacy office let is not widened afterwards
        demands.approve_abroad(held.id, "EU", reference="late", document=None, actor=legal)
    assert demands.document_of(held.id, actor=privacy, law="CN") == b"approval"


def test_an_authority_that_forbids_to_tell_is_met_in_silence_until_its_end(house, tmp_path, key, database):
    legal, privacy, (lin, _) = house
    told = demanded(legal, lin)
    demands.decide(told.id, actor=privacy, approve=True)
    held = demanded(legal, lin, authority="Economic Crime Unit", silent_until=SOON)
    assert [one.act for one in withheld.withholdings(actor=privacy)] == [held.id]
    demands.decide(held.id, actor=privacy, approve=True)
    assert withheld.withholding_of(held.silent).state == "in force"
    handed(held, legal, tmp_path / "silent.age", key)
    handed(told, legal, tmp_path / "told.age", key)
    assert [row.recipient for row in own(lin)] == [
        "Beijing No. 3 Court"
    ]  # the other demand of the same officer is seen
    holder = DemandHolder()
    assert [one["authority"] for one in holder.export(lin, actor=privacy)["demands"]] == ["Beijing No. 3 Court"]
    seen = [row for row in queries.rows(actor=staff("auditor"), subject=lin) if row["action"] == "give"]
    assert "Economic Crime Unit" in {row["recipient"] for row in seen}  # who audits sees both
    assert queries.verify(actor=privacy)["ok"]
    withheld.lift(held.silent, actor=privacy)
    assert {row.recipient for row in own(lin)} == {"Beijing No. 3 Court", "Economic Crime Unit"}
    assert len(holder.export(lin, actor=privacy)["demands"]) == 2


def test_without_its_silence_it_is_not_handed_over(house, tmp_path, key):
    legal, privacy, (lin, _) = house
    held = demanded(legal, lin, silent_until=SOON)
    demands.decide(held.id, actor=privacy, approve=True)
    withheld.lift(held.silent, actor=legal)
    with pytest.raises(NotToHandOver):
        handed(held, legal, tmp_path / "a.age", key)
    with pytest.raises(DatabaseError), connection.cursor() as cursor:  # nor past this program
        cursor.execute("update authority_demand set ran_at = clock_timestamp() where id = %s", [held.id])
    refused = demanded(legal, lin, silent_until=SOON)
    demands.decide(refused.id, actor=privacy, approve=False)
    assert withheld.withholding_of(refused.silent).state == "refused"


def test_a_silence_that_was_decided_apart_is_heard(house):
    legal, privacy, (lin, _) = house
    auditor = staff("auditor")
    held, other = demanded(legal, lin, silent_until=SOON), demanded(legal, lin, silent_until=SOON)
    withheld.decide(held.silent, actor=auditor, approve=True)
    assert demands.decide(held.id, actor=privacy, approve=True).state == "ready"
    withheld.decide(other.silent, actor=auditor, approve=False)
    with pytest.raises(NotToHandOver):
        demands.decide(other.id, actor=privacy, approve=True)
    assert demands.decide(other.id, actor=privacy, approve=False).state == "refused"


def test_what_was_let_a_week_ago_is_over(house, tmp_path, key, database):
    legal, privacy, (lin, _) = house
    held = demanded(legal, lin)
    demands.decide(held.id, actor=privacy, approve=True)
    with open_owner(database) as owner:
        owner.execute("alter table authority_demand disable trigger user")
        owner.execute("update authority_demand set decided_at = decided_at - interval '8 days'")
        owner.execute("alter table authority_demand enable trigger user")
    assert demands.demand_of(held.id).state == "expired"
    with pytest.raises(NotToHandOver):
        handed(held, legal, tmp_path / "a.age", key)


def test_the_document_lies_sealed_and_goes_with_whom_it_named(house, tmp_path, database):
    legal, privacy, (lin, wang) = house
    held = demanded(legal, lin, wang)
    with psycopg.connect(database.embedded.conninfo("kehu_owner", connection.settings_dict["NAME"])) as owner:
        assert b"CANARY" not in bytes(owner.execute("select document from authority_demand").fetchone()[0])
    before = queries.rows(actor=privacy, limit=1)[0]["seq"]
    assert demands.document_of(held.id, actor=privacy) == ORDER
    assert queries.rows(actor=privacy, limit=1)[0]["seq"] > before  # that it was opened is recorded
    with pytest.raises(ActRefused):
        demands.document_of(held.id, actor=staff("service"))
    erasure.erase(lin, actor=privacy, reason="asked")
    assert demands.demand_of(held.id).subjects == (wang,) and demands.document_of(held.id, actor=privacy) == ORDER
    erasure.erase(wang, actor=privacy, reason="asked")
    assert demands.demand_of(held.id).subjects == ()
    with pytest.raises(UnknownDemand):
        demands.document_of(held.id, actor=privacy)
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from subject_key where subject = %s", [held.id])
        assert cursor.fetchone()[0] == 0


def test_no_file_lies_there_that_the_register_does_not_know(house, tmp_path, key, monkeypatch):
    legal, privacy, (lin, _) = house
    held = demanded(legal, lin)
    demands.decide(held.id, actor=privacy, approve=True)
    link = os.link

    def stops(*names):
        link(*names)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # killed when the file has its name
        patch.setattr(os, "link", stops)
        handed(held, legal, tmp_path / "a.age", key)
    assert demands.demand_of(held.id).sha256 == hashlib.sha256((tmp_path / "a.age").read_bytes()).digest()
    assert demands.demand_of(held.id).state == "done"


def test_a_place_where_nothing_can_be_written_costs_no_run(house, tmp_path, key):
    legal, privacy, (lin, _) = house
    held = demanded(legal, lin)
    demands.decide(held.id, actor=privacy, approve=True)
    with pytest.raises(CannotWrite):
        handed(held, legal, tmp_path / "no" / "a.age", key)
    assert demands.demand_of(held.id).state == "ready"


def test_a_file_that_could_not_be_put_there_is_none(house, tmp_path, key, monkeypatch):
    legal, privacy, (lin, _) = house
    held = demanded(legal, lin)
    demands.decide(held.id, actor=privacy, approve=True)

    def refused(*names):
        raise PermissionError

    with monkeypatch.context() as patch, pytest.raises(PermissionError):
        patch.setattr(os, "link", refused)
        handed(held, legal, tmp_path / "a.age", key)
    assert demands.demand_of(held.id).sha256 is None and list(tmp_path.iterdir()) == []


def test_the_copy_of_a_person_says_who_demanded_it(house, tmp_path, key):
    import io
    import zipfile

    legal, privacy, (lin, _) = house
    demanded(legal, lin)
    export(lin, actor=privacy, to=tmp_path / "copy.age", recipient=str(key.to_public()))
    with zipfile.ZipFile(io.BytesIO(pyrage.decrypt((tmp_path / "copy.age").read_bytes(), [key]))) as held:
        data, page = json.loads(held.read("data.json")), held.read("index.html").decode()
    assert "Beijing No. 3 Court" in json.dumps(data, ensure_ascii=False) and "Beijing No. 3 Court" in page


@pytest.mark.parametrize(
    "wrong",
    [
        {"authority": ""}, {"authority": "x\ny"}, {"country": "Germany"}, {"provision": " "}, {"reference": "r" * 61},
        {"fields": ()}, {"customers": ()}, {"document": b""}, {"document": bytes(5 << 20)},
        {"silent_until": datetime.now(UTC) - timedelta(days=1)}, {"silent_until": datetime.now(UTC) + timedelta(days=400)},
    ],
)  # fmt: skip
def test_a_demand_without_its_parts_is_refused(house, wrong):
    legal, _, (lin, _) = house
    with pytest.raises(ValueError):
        demanded(legal, *wrong.pop("customers", (lin,)), **wrong)
    with pytest.raises(UnknownSubject):
        demanded(legal, new_id())
