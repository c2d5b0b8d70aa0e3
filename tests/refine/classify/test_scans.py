"""Scans of free text: through the gate, counts and kinds only; a decision raises a field's level for the next read."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction

from kehu.govern.holders import holders
from kehu.govern.models import RaisedField, Rules
from kehu.guard.gate.acts import ActRefused
from kehu.guard.gate.read import gate
from kehu.guard.installation import installation
from kehu.guard.setup import open_owner
from kehu.refine.alone import SCANNING
from kehu.refine.classify import actions, queries
from kehu.refine.classify.models import Finding, Scan, Sighting
from kehu.refine.classify.scanning import scan
from tests.cast import admit, staff

ILL = "客户有糖尿病，电话13800138000"
CARD = "4111 1111 1111 1111"


@pytest.fixture
def privacy(database):
    return staff("privacy")


def texts():
    """Nine customers: a text of illness six times, a card once, two with nothing."""
    return admit(
        *({"full_name": f"客户{n}", "text": ILL} for n in "一二三四五六"),
        {"full_name": "王芳", "occupation": f"card {CARD}"},
        {"full_name": "李雷", "text": "很满意"},
        {"full_name": "Alice", "employer": "Acme Ltd", "locality": "Cancer Hill"},
    )


def found(kind):
    return Finding.objects.get(kind=kind)


def test_a_scan_counts_kinds_by_source_and_field(privacy):
    subjects = texts()
    one = scan(actor=privacy)
    assert (one.state, one.total, one.done, one.left_out, one.texts) == ("done", 9, 9, 0, 10)
    ill = found("health")
    assert (ill.field, ill.texts, ill.found, ill.level, ill.state) == ("text", 7, 6, 4, "open")
    assert (found("phone").state, found("phone").found) == ("within", 6)  # a phone is no more personal than the text
    assert found("card").field == "occupation"
    assert list(found("card").sightings.values_list("subject", flat=True)) == [subjects[6]]
    rows = {row.kind.name: row for row in queries.findings(actor=staff("auditor"))}
    assert rows["card"].found is None and rows["health"].found == 6  # fewer than five are not told
    with connection.cursor() as cursor:
        cursor.execute("select sum(subjects) from ledger_entry where action = 130 and detail = %s", [one.id])
        assert cursor.fetchone()[0] == 9
        cursor.execute("select count(*) from ledger_entry where action = 150 and detail = %s", [one.id])
        assert cursor.fetchone()[0] == 1


def test_texts_of_whom_only_events_came_are_read(privacy, bring):
    talks = f"external_id,at,kind,topic,text\nK1,2026-01-02 10:00,call,help,{ILL}\n"
    bring(talks, "--kind", "interactions", "--residence", "AU")
    one = scan(actor=privacy)
    assert (one.total, one.done, found("health").found) == (1, 1, 1)


def test_nothing_that_was_read_is_kept(privacy, database):
    texts()
    scan(actor=privacy)
    with open_owner(database) as owner:
        tables = [row[0] for row in owner.execute("select tablename from pg_tables where tablename like 'classify%'")]
        assert len(tables) == 3
        for table in tables:
            kept = str(owner.execute(f"select * from {table}").fetchall())
            assert "13800138000" not in kept and "4111" not in kept and "糖尿病" not in kept


def test_who_is_restricted_is_not_read(privacy, database):
    subjects = texts()
    with open_owner(database) as owner:
        owner.execute("update subject_state set restricted = true where subject = %s", [subjects[6]])
    one = scan(actor=privacy)
    assert one.left_out == 1
    assert not Finding.objects.filter(kind="card").exists()


def seen_of(subject: UUID, actor) -> set[str]:
    """How the text of a customer is answered."""
    [opened] = gate().open([subject], actor=actor, purpose="service", fields=["text"], kinds=(1,))
    return {one.answer for one in opened.contributions} or {"denied" if "text" in opened.denied() else ""}


def test_an_accepted_finding_raises_the_field_for_the_next_read(privacy):
    subject, service = texts()[0], staff("service")
    scan(actor=privacy)
    before, digest = seen_of(subject, service), Rules.objects.order_by("-version").first().digest
    assert before == {"clear"}
    actions.accept(found("health").id, actor=privacy)
    assert bytes(Rules.objects.order_by("-version").first().digest) != bytes(digest)
    field = installation().rules.dictionary.field("text")
    assert (field.level, field.sensitive) == (4, "health")
    assert "clear" not in seen_of(subject, service)  # level 4 asks for more than a role
    with pytest.raises(actions.Decided):
        actions.accept(found("health").id, actor=privacy)
    actions.lower("text", actor=privacy)
    assert seen_of(subject, service) == {"clear"}
    assert found("health").state == "open"
    with pytest.raises(actions.NotRaised):
        actions.lower("text", actor=privacy)
    with connection.cursor() as cursor:
        cursor.execute("select action from ledger_entry where action in (151, 153) order by seq")
        assert [row[0] for row in cursor.fetchall()] == [151, 153]


def test_what_was_decided_stays_decided(privacy):
    texts()
    scan(actor=privacy)
    actions.dismiss(found("card").id, "mistaken", actor=privacy)
    actions.accept(found("health").id, actor=privacy)
    scan(actor=privacy)
    assert (found("card").state, found("card").reason, found("health").state) == ("dismissed", "mistaken", "accepted")
    with pytest.raises(ValueError, match="reason"):
        actions.dismiss(found("card").id, "because", actor=privacy)


def test_who_may(privacy):
    texts()
    for role in ("service", "marketing"):
        with pytest.raises(ActRefused):
            scan(actor=staff(role))
    scan(actor=privacy)
    auditor = staff("auditor")
    with pytest.raises(ActRefused):
        actions.accept(found("card").id, actor=auditor)
    with pytest.raises(ActRefused):
        actions.dismiss(found("card").id, "mistaken", actor=auditor)
    with pytest.raises(ActRefused):
        actions.lower("text", actor=auditor)
    assert not RaisedField.objects.exists()


def test_the_database_raises_no_field_without_saying_why(privacy):
    for row in ({"level": 4, "sensitive": ""}, {"level": 2, "sensitive": ""}):
        with pytest.raises(DatabaseError), transaction.atomic():
            RaisedField.objects.create(id=UUID(int=1), field="text", finding=UUID(int=2), by=UUID(int=3), **row)


def test_an_erasure_takes_the_sightings(privacy):
    subjects = texts()
    scan(actor=privacy)
    holder = next(one for one in holders() if one.name == "classify-sightings")
    assert holder.export(subjects[6], actor=privacy) == {"found_in_text": [{"field": "occupation", "kind": "card"}]}
    assert holder.erase(subjects[6]) == 1
    assert not Sighting.objects.filter(subject=subjects[6]).exists()


def test_a_killed_scan_is_marked_by_the_next(privacy):
    Scan.objects.create(id=UUID(int=5), staff=privacy.human, models_used=False)
    scan(actor=privacy)
    assert Scan.objects.get(id=UUID(int=5)).state == "failed"


def test_a_scan_that_was_killed_is_not_going_on(privacy):
    Scan.objects.create(id=UUID(int=5), staff=privacy.human, models_used=False)
    assert queries.last_scan(actor=privacy).state == "failed"
    assert SCANNING.take()
    with SCANNING.released():
        assert queries.last_scan(actor=privacy).state == "running"
    assert not SCANNING.going_on()
