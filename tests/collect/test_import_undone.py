"""An import taken back: as if it had never come, for whoever stays; and erased after thirty days."""

from __future__ import annotations

import threading
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone

from kehu.collect import tasks
from kehu.collect.imports import actions as importing
from kehu.collect.imports import undo
from kehu.collect.imports.undo import erase_taken_back
from kehu.collect.models import Import, Quarantined
from kehu.collect.quarantine import mending
from kehu.govern.ages import declare_young
from kehu.guard.staff.actions import owner_actor
from kehu.serve.corrections import actions as corrections
from kehu.serve.corrections import models as corrected
from tests.cast import staff


def one(query: str, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(query, list(parameters))
        row = cursor.fetchone()
        return row[0] if row and len(row) == 1 else row


def test_undo_and_in_again(bring, kehu, desk):
    first = bring("external_id,full_name,email\nK1,Ann Lee,ann@mail.example\nK2,Bob Wu,bob@mail.example\n")
    [ann] = desk.find("email=ann@mail.example")
    assert kehu("import", "undo", first.json["import"]).json == {"undone": 2}
    assert desk.find("email=ann@mail.example") == [] and desk.show(ann).code == 1
    status = kehu("status").json
    assert (status["subjects"], status["sources"]) == (0, 0)
    again = bring("external_id,full_name,email\nK1,Ann Lee,ann@mail.example\nK2,Bob Wu,bob@mail.example\n")
    assert again.counts() == (2, 2, 0, 0, 0, 0) and again.json["import"] != first.json["import"]
    assert kehu("import", "undo", first.json["import"]).json == {"undone": 2}
    assert len(desk.find("email=ann@mail.example")) == 1
    assert "undo" in [row["action"] for row in kehu("ledger", "list").json["rows"]]


def test_undo_takes_along_what_came_in_by_mending(bring, kehu, desk):
    first = bring("external_id,full_name,email\nK1,Ann Lee,ann@mail.example\n,,x\n")
    [row] = Quarantined.objects.filter(batch=first.json["import"], accepted=False)
    importing.run(mending.mend(row.id, {"email": "bob@mail.example"}, actor=owner_actor()), actor=owner_actor())
    assert len(desk.find("email=bob@mail.example")) == 1
    assert kehu("import", "undo", first.json["import"]).json == {"undone": 2}
    assert desk.find("email=bob@mail.example") == []


def test_undo_of_an_update_shows_what_was_before(bring, kehu, desk):
    bring("external_id,full_name,email\nK1,Ann Lee,ann@mail.example\n")
    second = bring("external_id,full_name,email\nK1,Ann Lee,new@mail.example\n")
    kehu("import", "undo", second.json["import"])
    [ann] = desk.find("email=ann@mail.example")
    assert desk.show(ann).json["fields"]["email"] == "ann@mail.example"
    assert desk.find("email=new@mail.example") == []
    assert bring("external_id,full_name,email\nK1,Ann Lee,ann@mail.example\n").counts() == (1, 0, 0, 0, 1, 0)
    assert bring("external_id,full_name,email\nK1,Ann Lee,new@mail.example\n").counts() == (1, 0, 1, 0, 0, 0)


def state() -> tuple:
    return one("select packs, age, kind from subject_state where not hidden")


def test_undo_leaves_laws_and_age_as_if_it_had_never_come(bring, kehu):
    """Derived from what stays, whichever of several goes, and whatever came between."""
    told = "external_id,full_name,birth_date\nK1,{},{}\n"
    bring(told.format("Ann Lee", ""), "--residence", "US")
    wrong = bring(told.format("Ann", "2016-01-01"), "--residence", "CN")
    assert state() == (5, 1, 1)
    later = bring(told.format("Ann Li", "1980-01-01"), "--residence", "DE")
    assert state() == (7, 1, 1)
    kehu("import", "undo", wrong.json["import"])
    assert state() == (6, 5, 1)
    kehu("import", "undo", later.json["import"])
    assert state() == (4, 0, 1)


def test_undo_of_an_unknown_residence_leaves_the_known_one(bring, kehu):
    wrong = bring("external_id,full_name\nK1,Ann Lee\n")
    bring("external_id,full_name\nK1,Ann Li\n", "--residence", "DE")
    assert state()[0] == 31
    kehu("import", "undo", wrong.json["import"])
    assert state()[0] == 2


def test_undo_leaves_the_age_that_somebody_said_of_themselves(bring, kehu):

    bring("external_id,full_name\nK1,Ann Lee\n")
    wrong = bring("external_id,full_name,birth_date\nK1,Ann Lee,2016-01-01\n")
    declare_young(one("select subject from subject_state"), "14-15")
    assert state()[1] == 1
    kehu("import", "undo", wrong.json["import"])
    assert state()[1] == 3


def test_undo_leaves_what_another_import_brought_as_well(bring, kehu, desk):
    """It is that one's from now on, with its basis; and goes with it."""
    number = "11010519491231002X"
    bring(f"external_id,full_name,national_id\nS1,林婉清,{number}\n", channel="shop")
    text = f"external_id,full_name,email,national_id\nK1,林婉清,lin@mail.example,{number}\n"
    wrong = bring(text + "K2,Bob Wu,bob@mail.example,\n", basis="legal_obligation")
    right = bring(text)
    assert right.counts() == (1, 0, 0, 0, 1, 0)
    assert kehu("import", "undo", wrong.json["import"]).json == {"undone": 1}
    assert len(desk.find("email=lin@mail.example")) == 1 and desk.find("email=bob@mail.example") == []
    assert one("select count(*) from subject_state where not hidden and customer = subject") == 1
    assert one("select count(*) from record where basis = 2 and not hidden") == 2  # contract
    assert bring(text).counts() == (1, 0, 0, 0, 1, 0)
    assert kehu("import", "undo", wrong.json["import"]).json == {"undone": 1}
    assert kehu("import", "undo", right.json["import"]).json == {"undone": 1}
    assert desk.find("email=lin@mail.example") == []


def test_undo_of_all_that_brought_a_row_takes_it_back(bring, kehu, desk):
    text = "external_id,full_name,email\nK1,Ann Lee,ann@mail.example\n"
    for order in (lambda one, other: (one, other), lambda one, other: (other, one)):
        for answer in order(bring(text), bring(text, basis="legal_obligation")):
            assert desk.find("email=ann@mail.example")
            kehu("import", "undo", answer.json["import"])
        assert desk.find("email=ann@mail.example") == []


def test_the_very_same_import_again_goes_with_the_first(bring, kehu, desk):
    text = "external_id,full_name,email\nK1,Ann Lee,ann@mail.example\n"
    first = bring(text)
    assert bring(text).counts() == (1, 0, 0, 0, 1, 0)
    assert kehu("import", "undo", first.json["import"]).json == {"undone": 1}
    assert desk.find("email=ann@mail.example") == []
    assert bring(text).counts() == (1, 1, 0, 0, 0, 0)


def test_undo_divides_what_it_merged(bring, kehu):
    number = "11010519491231002X"
    bring(f"external_id,full_name,national_id\nK1,林婉清,{number}\n")
    second = bring(f"external_id,full_name,national_id\nS1,林婉清,{number}\n", channel="shop")
    assert second.counts()[3] == 1
    kehu("import", "undo", second.json["import"])
    assert one("select count(*) from subject_state where not hidden and customer = subject") == 1
    third = bring(f"external_id,full_name,national_id\nS1,林婉清,{number}\n", channel="shop")
    assert third.counts() == (1, 0, 0, 1, 0, 0)


def test_undo_of_the_first_leaves_the_identity_key_of_the_second(bring, kehu):
    number = "11010519491231002X"
    first = bring(f"external_id,full_name,national_id\nK1,林婉清,{number}\n")
    bring(f"external_id,full_name,national_id\nS1,林婉清,{number}\n", channel="shop")
    kehu("import", "undo", first.json["import"])
    third = bring(f"external_id,full_name,national_id\nP1,林婉清,{number}\n", channel="phone")
    assert third.counts() == (1, 0, 0, 1, 0, 0)


def test_what_was_taken_back_is_erased_after_30_days(bring, kehu):

    bring("external_id,full_name\nK9,Zoe Ox\n")
    first = bring("external_id,full_name\nK1,Ann Lee\nx,y,z\nK9,Zoe Oxley\n", channel="store")
    kehu("import", "undo", first.json["import"])
    assert erase_taken_back(actor=owner_actor()) == 0 and one("select count(*) from facet") == 3
    Import.objects.filter(id=first.json["import"]).update(undone_at=timezone.now() - timedelta(days=31))
    assert erase_taken_back(actor=owner_actor()) == 1
    assert one("select count(*) from facet") == 1 and one("select count(*) from subject_state") == 1
    assert one("select count(*) from subject_key where subject in (select subject from subject_state)") == 1
    assert kehu("import", "undo", first.json["import"]).code == 1
    assert kehu("ledger", "verify").code == 0


def test_one_import_that_cannot_be_erased_keeps_no_other_from_it_nor_what_nobody_mended(bring, kehu, monkeypatch):
    rows = ("external_id,full_name\nK1,Ann Lee\n", "external_id,full_name\nK2,Bob Wu\n")
    first, second = (bring(text).json["import"] for text in rows)
    bring("external_id,full_name,email\n,,x\n")
    for one_ in (first, second):
        kehu("import", "undo", one_)
    Import.objects.exclude(undone_at=None).update(undone_at=timezone.now() - timedelta(days=31))
    step = undo._erase_step

    def fails(batch):
        if batch == UUID(first):
            raise ValueError("unforeseen")
        return step(batch)

    monkeypatch.setattr(undo, "_erase_step", fails)
    monkeypatch.setattr("kehu.collect.quarantine.aging.kept_days", lambda: -1)
    with pytest.raises(ValueError, match="unforeseen"):
        tasks.tidy(timestamp=0)
    assert dict(Import.objects.values_list("id", "state"))[UUID(second)] == "erased"
    assert not Quarantined.objects.filter(accepted=False, settled=None).exists()
    monkeypatch.undo()
    tasks.tidy(timestamp=0)
    assert dict(Import.objects.values_list("id", "state"))[UUID(first)] == "erased"


def test_what_was_corrected_of_a_customer_goes_with_the_import_that_brought_them(bring, kehu, desk):
    text = "external_id,full_name,email\nK1,Ann Lee,ann@mail.example\n"
    bring("external_id,full_name,email\nK2,Bob Wu,bob@mail.example\n")
    first = bring(text + "K2,Bob Wu,wu@mail.example\n")
    [ann], [bob] = desk.find("email=ann@mail.example"), desk.find("email=bob@mail.example")
    privacy = staff("privacy")
    for who in (ann, bob):
        corrections.correct(UUID(who), "phone", "+8613800006721", reason="they called", actor=privacy)
    assert kehu("import", "undo", first.json["import"]).json == {"undone": 2}
    assert desk.find("phone=+8613800006721") == [bob] and desk.show(ann).code == 1
    assert kehu("status").json["subjects"] == 1
    assert bring(text).counts() == (1, 1, 0, 0, 0, 0)
    Import.objects.filter(id=first.json["import"]).update(undone_at=timezone.now() - timedelta(days=31))
    assert erase_taken_back(actor=owner_actor()) == 1
    assert not corrected.Correction.objects.filter(subject=ann).exists()
    assert one("select count(*) from record where subject = %s", ann) == 0 and one("select count(*) from record") == 3
    assert kehu("ledger", "verify").code == 0


@pytest.mark.parametrize("words", [("import", "undo", "01990000-0000-7000-8000-000000000000"),
                                   ("import", "--resume", "01990000-0000-7000-8000-000000000000")])  # fmt: skip
def test_unknown_imports(kehu, words):
    assert kehu(*words).code == 1


def test_a_hold_laid_while_what_was_taken_back_is_erased_keeps_it(bring, kehu, database):
    """Under a hold a customer's records wait on, also where it is written down in the very moment they would go."""
    from kehu.guard.setup import open_owner

    bring("external_id,full_name\nK9,Zoe Ox\n")
    first = bring("external_id,full_name\nK9,Zoe Oxley\n", channel="store")
    kehu("import", "undo", first.json["import"])
    Import.objects.filter(id=first.json["import"]).update(undone_at=timezone.now() - timedelta(days=31))
    hidden = one("select count(*) from record where hidden")
    assert hidden

    def erase():
        erase_taken_back(actor=owner_actor())
        connection.close()

    with open_owner(database) as holding, holding.transaction():
        holding.execute("update subject_state set held = true")
        erasing = threading.Thread(target=erase)
        erasing.start()
        erasing.join(3)
    erasing.join(30)
    assert one("select count(*) from record where hidden") == hidden
