"""Quarantine by its pages: one row put right, a group brought in by one correction, messages read anew, what is old erased."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from kehu.collect.imports import actions
from kehu.collect.imports.recipe import ImportTerms
from kehu.collect.inbox import accept as accepting
from kehu.collect.inbox.drain import drain_all
from kehu.collect.inbox.terms import set_terms
from kehu.collect.models import Import, Quarantined
from kehu.collect.quarantine import aging, groups
from kehu.collect.quarantine.actions import recipe_of_import
from kehu.collect.quarantine.correcting import cells_of
from kehu.collect.signed.secrets import keep_secret
from kehu.collect.signed.settings import keep_settings
from kehu.doors.web.intake import quarantine
from kehu.govern.channels import add_channel
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import owner_actor
from kehu.host import jobs
from kehu.serve.desk import queries
from tests.cast import staff
from tests.collect.shops import SECRET, WIRE, signature, webhook
from tests.doors.intake.test_channel_pages import plain, signed_in
from tests.doors.web.browsing import text_of

LAW = "external_id,full_name,national_id,born,lives in\nK1,Ann Lee,11010519491231002X,03/04/1990,CN\nK2,Ben,,04/05/1991,DE\n"
DIRTY = "full_name;email;note\n;nothing;Cem Ay\nBob;bob@mail.example;too;many\nDora;dora@mail.example\n;wrong;\n"


def bring(tmp_path, text, *, name="in.csv", basis="contract", **more):
    """Bring a text in as a file, as the owner."""
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    asked = ImportTerms(files=(path,), channel="store", basis=basis, **more)
    return actions.run(
        actions.start(actions.plan(asked, actor=owner_actor()), actor=owner_actor()), actor=owner_actor()
    )


def found(**criteria):
    return queries.find(criteria, actor=staff_once("service"), purpose="service")[0]


def staff_once(role, held={}):  # noqa: B006  (one account a test; the fixture empties it)
    if role not in held:
        held[role] = staff(role)
    return held[role]


@pytest.fixture
def desk(database, monkeypatch):
    monkeypatch.setattr(accepting, "_held", accepting._Held())
    staff_once.__defaults__[0].clear()
    return signed_in("privacy")[0]


def confirm(database):
    """Everybody's second factor was shown a moment ago."""
    with open_owner(database) as owner:
        owner.execute("update actor_state set second_factor_at = now()")


def waits():
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from collect_quarantined where not accepted and settled is null")
        return cursor.fetchone()[0]


def test_one_row_is_put_right_and_comes_in(desk, database, tmp_path):
    bring(tmp_path, LAW, basis="legitimate_interest", residence="lives in")
    [group] = groups.groups(actor=owner_actor())
    assert (group.count, group.sent, group.messages) == (1, False, False)
    listed = text_of(desk.get("/quarantine"))
    assert group.reason in listed and "Ann Lee" not in listed
    path = f"/quarantine/{group.channel.id}/files/{group.reason}"
    [row] = re.findall(r"/quarantine/rows/[0-9a-f-]+", text_of(desk.get(path)))
    page = text_of(desk.get(row))
    assert 'value="Ann Lee"' in page and "11010519491231002X" not in page and "second factor" in page
    confirm(database)
    assert "11010519491231002X" in text_of(desk.get(row))
    with open_owner(database) as owner:
        owner.execute("update actor_state set second_factor_at = null")
    form = {"column": ["full_name", "lives in", "born"], "value": ["Ann Leeson", "DE", ""], "unseen": ["national_id"],
            "unseen_value": [""], "add_field": "email", "add_value": "ann@mail.example"}  # fmt: skip
    answer = desk.post(row + "/mend", form)
    assert answer["Location"].startswith("/imports/") and waits() == 1
    jobs.run_pending()
    assert waits() == 0 and desk.get(row).status_code == 404
    [ann] = found(email="ann@mail.example")
    shown = queries.show(ann, actor=staff_once("privacy"), purpose="accuracy", fields=["full_name", "national_id"])
    said = json.dumps(shown, default=str)
    assert "Ann Leeson" in said and "national_id" in said  # what was not shown stayed
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from subject_key k join collect_quarantined q on q.id = k.subject")
        assert cursor.fetchone()[0] == 0


def test_lines_of_a_cell_stay_as_they_are_when_another_is_put_right(desk, tmp_path):
    """An input of one line drops the ends of others; a larger one sends each as carriage return and newline."""
    text = 'full_name,address,lives in\nAnn Lee,"12 Main St\nSpringfield",CN\nBen,,DE\n'
    bring(tmp_path, text, basis="legitimate_interest", residence="lives in")
    row = f"/quarantine/rows/{Quarantined.objects.get(accepted=False).id}"
    assert re.search(r"<textarea[^>]*>12 Main St\nSpringfield</textarea>", text_of(desk.get(row)))
    values = ["Ann Lee", "12 Main St\r\nSpringfield", "DE"]
    desk.post(row + "/mend", {"column": ["full_name", "address", "lives in"], "value": values})
    jobs.run_pending()
    [ann] = found(full_name="Ann Lee")
    assert "12 Main St\\nSpringfield" in str(
        queries.show(ann, actor=staff_once("privacy"), purpose="accuracy", fields=["address"])
    )


def test_a_field_that_was_added_is_shown_and_put_right_when_the_row_is_refused_again(desk, database, tmp_path):
    bring(
        tmp_path,
        "email,lives in\na@mail.example,CN\nb@mail.example,DE\n",
        basis="legitimate_interest",
        residence="lives in",
    )
    row = f"/quarantine/rows/{Quarantined.objects.get(accepted=False).id}"
    for added in (("full_name", "Zoe Lee"), ("national_id", "11010519491231002X")):
        desk.post(row + "/mend", {"add_field": added[0], "add_value": added[1]})
        jobs.run_pending()
    page = text_of(desk.get(row))
    assert 'value="Zoe Lee"' in page and 'value="full_name"' in page and '<option value="full_name">' not in page
    assert "11010519491231002X" not in page and 'name="unseen" value="national_id"' in page
    form = {"column": ["email", "lives in", "full_name"], "value": ["a@mail.example", "DE", ""]}
    desk.post(row + "/mend", form | {"unseen": ["national_id"], "unseen_value": [""]})
    jobs.run_pending()
    [ann] = found(email="a@mail.example")
    shown = queries.show(ann, actor=staff_once("privacy"), purpose="accuracy", fields=["full_name", "national_id"])
    said = json.dumps(shown, default=str)
    assert "Zoe" not in said and "national_id" in said


def test_a_refused_row_takes_the_fields_of_its_kind(desk, tmp_path):
    bring(tmp_path, "order_id,remark\n,card\n", kind="orders")
    row = f"/quarantine/rows/{Quarantined.objects.get(accepted=False).id}"
    offered = set(re.findall(r'<option value="([a-z_]+)"', text_of(desk.get(row))))
    assert {"amount", "email"} <= offered and not {"birth_date", "national_id"} & offered
    form = {"column": ["order_id", "shoe"], "value": ["O1", "38"], "add_field": "birth_date", "add_value": "1990-03-04"}
    desk.post(row + "/mend", form)
    jobs.run_pending()
    with connection.cursor() as cursor:
        cursor.execute("select r.kind, f.category from record r join facet f on f.record = r.id")
        assert cursor.fetchall() == [(3, 3)]


def test_what_was_refused_again_is_not_said_to_have_come_in(desk, tmp_path):
    first = bring(tmp_path, DIRTY)
    row = Quarantined.objects.filter(reason="no_usable_value").first()
    began = desk.post(f"/quarantine/rows/{row.id}/mend", {"column": ["email"], "value": ["still none"]})["Location"]
    jobs.run_pending()
    page = text_of(desk.get(began))
    assert "1 row was refused" in page and "waits in the quarantine" in page and "Nothing was refused" not in page
    aging.forget([one.id for one in Quarantined.objects.filter(batch=first.id, accepted=False, settled=None)])
    page = text_of(desk.get(f"/imports/{first.id}"))
    assert "4 rows were refused" in page and "None of it waits any more" in page and "Nothing was refused" not in page


def test_refused_rows_stand_before_values_that_came_in_though_invalid(desk, tmp_path):
    lines = "".join(f"K{at},Ann Lee,none\n" for at in range(202))
    held = bring(tmp_path, f"external_id,full_name,email\n{lines},,x\n", maps=("email=email",))
    assert (held.accepted, held.quarantined) == (202, 1)
    page = text_of(desk.get(f"/imports/{held.id}"))
    assert f"/imports/{held.id}/refused" in page and page.index(">204<") < page.index(">2<")


def test_a_cell_of_a_column_that_no_field_is_may_be_anything_and_wants_the_factor(desk, database, tmp_path):
    text = "external_id,full_name,remark,lives in\nK1,Ann Lee,11010519491231002X,CN\nK2,Ben,,DE\n"
    bring(tmp_path, text, basis="legitimate_interest", residence="lives in", maps=("national_id=",))
    [group] = groups.groups(actor=owner_actor())
    listed = text_of(desk.get(f"/quarantine/{group.channel.id}/files/{group.reason}"))
    [row] = re.findall(r"/quarantine/rows/[0-9a-f-]+", listed)
    page = text_of(desk.get(row))
    assert "11010519491231002X" not in page and 'name="unseen" value="remark"' in page and "second factor" in page
    assert 'value="Ann Lee"' in page and 'value="CN"' in page  # where somebody lives is said by its column
    confirm(database)
    assert "11010519491231002X" in text_of(desk.get(row))


def test_a_group_comes_in_by_the_same_correction_for_all(desk, tmp_path):
    bring(tmp_path, DIRTY)
    held = {one.reason: one for one in groups.groups(actor=owner_actor())}
    assert {reason: one.count for reason, one in held.items()} == {
        "no_usable_value": 2, "too_many_cells": 1, "too_few_cells": 1,
    }  # fmt: skip
    store = held["too_many_cells"].channel.id
    for reason, form in (
        ("too_many_cells", {"shape": "cut"}),
        ("too_few_cells", {"shape": "fill"}),
        ("no_usable_value", {"map_column": "note", "map_field": "full_name"}),
    ):
        page = text_of(desk.get(f"/quarantine/{store}/files/{reason}"))
        assert ('name="shape"' in page) == ("shape" in form) and 'name="column"' in page
        assert desk.post(f"/quarantine/{store}/files/{reason}/again", form)["Location"].startswith("/imports/")
        jobs.run_pending()
    assert len(found(email="bob@mail.example")) == 1 and len(found(email="dora@mail.example")) == 1
    assert len(found(full_name="Cem Ay")) == 1 and waits() == 1  # of the last nothing can be used
    assert desk.post(f"/quarantine/{store}/files/no_usable_value/again", {"column": "full_name", "value": "Eve Oz"})
    jobs.run_pending()
    assert waits() == 0 and len(found(full_name="Eve Oz")) == 1


def test_a_column_that_one_import_of_a_group_has_stops_no_other(desk, tmp_path):
    bring(tmp_path, "full_name;email\nBob;bob@mail.example\n;x\n", name="a.csv")
    bring(tmp_path, "name;e-mail\nRob;rob@mail.example\n;y\n", name="b.csv")
    [group] = groups.groups(actor=owner_actor())
    path = f"/quarantine/{group.channel.id}/files/{group.reason}/again"
    for column in ("e-mail", "email"):
        desk.post(path, {"column": column, "value": f"{column}@mail.example"})
        jobs.run_pending()
        assert not Import.objects.exclude(state="done").exists()
    assert waits() == 0 and len(found(email="email@mail.example")) == len(found(email="e-mail@mail.example")) == 1


def test_a_group_is_read_with_the_country_and_the_dates_that_are_said(desk, tmp_path):
    bring(tmp_path, LAW, basis="legitimate_interest", residence="lives in", maps=("birth_date=born",))
    [group] = groups.groups(actor=owner_actor())
    form = {"column": "lives in", "value": "DE", "date_order": "month"}
    answer = desk.post(f"/quarantine/{group.channel.id}/files/{group.reason}/again", form)
    jobs.run_pending()
    assert waits() == 0
    [ann] = found(full_name="Ann Lee")
    shown = queries.show(ann, actor=staff_once("privacy"), purpose="accuracy", fields=["birth_date"])
    assert "1990-03-04" in str(shown)
    import_id = answer["Location"].rpartition("/")[2]
    recipe = recipe_of_import(Import.objects.get(id=import_id), owner_actor())
    assert recipe.files[0].correction == {}  # what was said for them is not kept with the import that is done


def test_rows_of_files_are_read_in_the_bytes_they_came_in():
    raw = "王小明;北京".encode("gb18030")
    assert cells_of(raw, ["name", "city"], ";", codec="gb18030") == {"name": "王小明", "city": "北京"}
    assert cells_of(raw, ["name", "city"], ";") is None
    assert cells_of(b'a;"b;c', ["x", "y", "z"], ";") is None
    assert cells_of(b'a;"b;c', ["x", "y", "z"], ";", shape="plain") == {"x": "a", "y": '"b', "z": "c"}


def test_refused_messages_are_read_again_by_their_own_reader(desk, database):
    made, _ = add_channel("line", "webhook", owner=owner_actor().staff, country="DE")
    keep_secret(made, SECRET)
    keep_settings(made, (WIRE / "shopline.toml").read_bytes())
    set_terms(made, actor=owner_actor(), basis="contract")
    for number in range(3):
        raw = json.dumps({"id": f"Z{number}", "mail": f"z{number}@mail.example", "name": "Zoe"}).encode()
        headers = {"x-shopline-topic": "members/new", "x-shopline-hmac-sha256": signature(raw)}
        assert webhook("line", raw, headers).status == 200
    drain_all()
    assert waits() == 3
    path = f"/quarantine/{made.id}/sent/message_unknown_topic"
    rows = re.findall(r"/quarantine/rows/[0-9a-f-]+", text_of(desk.get(path)))
    assert "z0@mail.example" not in text_of(desk.get(rows[0])) and "second factor" in plain(desk.get(rows[0]))
    confirm(database)
    assert "z0@mail.example" in text_of(desk.get(rows[0]))
    wrong = desk.post(rows[0] + "/mend", {"message": "[1"})
    assert wrong.status_code == 422 and "no JSON object" in plain(wrong) and waits() == 3
    told = (WIRE / "shopline.toml").read_bytes() + (
        b'\n[[row]]\nkind = "customers"\ntopics = ["members/new"]\n[row.fields]\nid = "external_id"\nmail = "email"\n'
        b'name = "full_name"\n'
    )
    keep_settings(made, told)
    assert desk.post(path + "/again")["Location"].endswith("?done=sent")
    desk.post(path + "/again")  # clicked twice
    jobs.run_pending()
    assert accepting.waiting()[0] == 3
    drain_all()
    assert waits() == 0 and desk.get(path).status_code == 404
    for number in range(3):
        assert len(found(email=f"z{number}@mail.example")) == 1
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from record")
        assert cursor.fetchone()[0] == 3  # none twice


def test_what_is_let_go_or_grows_old_is_destroyed(desk, tmp_path, monkeypatch):
    bring(tmp_path, DIRTY)
    store = groups.groups(actor=owner_actor())[0].channel.id
    desk.post(f"/quarantine/{store}/files/too_many_cells/let-go")
    assert waits() == 3
    assert aging.forget_old(actor=owner_actor()) == 0
    monkeypatch.setattr(timezone, "now", lambda now=timezone.now: now() + timedelta(days=29))
    assert aging.forget_old(actor=owner_actor()) == 0
    monkeypatch.setenv("KEHU_QUARANTINE_DAYS", "28")
    assert aging.forget_old(actor=owner_actor()) == 3
    assert waits() == 0 and Quarantined.objects.filter(accepted=False).count() == 4  # where and why stays
    assert not Quarantined.objects.exclude(sealed=None).exists()
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from subject_key k join collect_quarantined q on q.id = k.subject")
        assert cursor.fetchone()[0] == 0


def test_a_large_group_is_let_go_as_a_job_and_the_page_says_so(desk, tmp_path, monkeypatch):
    monkeypatch.setattr(quarantine, "_AT_ONCE", 1)
    bring(tmp_path, DIRTY)
    store = groups.groups(actor=owner_actor())[0].channel.id
    answer = desk.post(f"/quarantine/{store}/files/no_usable_value/let-go", follow=True)
    assert "being destroyed" in plain(answer) and waits() == 4
    bring(tmp_path, "full_name;email\nBob;bob@mail.example\n;later\n", name="later.csv")
    jobs.run_pending()
    assert waits() == 3  # what was refused since is not what was let go
