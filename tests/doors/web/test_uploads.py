"""An import by the pages: sealed as it arrives, shown masked, worked on as a job, taken back."""

from __future__ import annotations

import errno
import os
import re
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection
from django.utils import timezone

from kehu.collect import tasks
from kehu.collect.imports import actions, queries, undo
from kehu.collect.imports.queries import ImportStatus
from kehu.collect.imports.recipe import ImportTerms
from kehu.collect.models import Import
from kehu.collect.readers import UnreadableSource
from kehu.collect.tasks import run_import
from kehu.doors.web import imports
from kehu.guard.gate.admit import Admission, CollectionRefused
from kehu.guard.gate.policies import Answer
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import owner_actor
from kehu.guard.staff.models import Staff
from kehu.host import jobs
from kehu.vault.ids import new_id
from tests.doors.web.browsing import signed_in, text_of

CANARY = "canary.lin@mail.example"
FILE = f"客户编号,姓名,手机,邮箱\nA1,林婉清,13801926721,{CANARY}\nA2,周予安,13801926722,zhou@mail.example\n".encode()


def _brought() -> ImportStatus:
    """The file, as the owner brings it in."""
    (path := Path(os.environ["KEHU_HOME"]) / "in.csv").write_bytes(FILE)
    owner = owner_actor()
    planned = actions.plan(ImportTerms(files=(path,), channel="store", basis="contract"), actor=owner)
    return actions.run(actions.start(planned, actor=owner), actor=owner)


def _lies_in_clear(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]


@pytest.mark.usefixtures("database")
def test_from_the_file_to_customers_and_back() -> None:
    desk, _ = signed_in("service", "service")
    answer = desk.post("/imports/upload", {"file": SimpleUploadedFile("customers.csv", FILE)})
    assert answer["Location"].startswith("/imports/new/")
    home = Path(os.environ["KEHU_HOME"])
    assert list((home / "spool").glob("*.sealed"))
    assert _lies_in_clear(home) == []
    form = text_of(desk.get(answer["Location"]))
    assert '林<span class="hid">**' in form
    assert CANARY not in form
    assert "13801926721" not in form
    started = desk.post(
        answer["Location"], {"do": "start", "channel": "store", "basis": "contract", "kind": "customers"}
    )
    address = started["Location"]
    assert 'hx-trigger="every 1s"' in text_of(desk.get(address))
    run_import(import_id=address.rpartition("/")[2])
    assert desk.get(address + "/progress")["HX-Refresh"] == "true"
    assert "林**" in text_of(desk.get("/customers"))
    desk.post(address + "/undo")
    assert "林**" not in text_of(desk.get("/customers"))
    assert _lies_in_clear(home) == []


@pytest.mark.usefixtures("database")
def test_what_broke_off_says_so_and_goes_on(monkeypatch) -> None:
    desk, _ = signed_in("service", "service")
    desk.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    new = desk.post("/imports/upload", {"file": SimpleUploadedFile("customers.csv", FILE)})["Location"]
    address = desk.post(new, {"do": "start", "channel": "store", "basis": "contract", "kind": "customers"})["Location"]
    with monkeypatch.context() as broken:
        broken.setattr(actions, "write_chunk", lambda *_, **__: 1 / 0)
        jobs.run_pending()
    page = text_of(desk.get(address))
    assert "It broke off, or was stopped" in page and address + "/go-on" in page and "Every row came in" not in page
    assert "Something of ours broke down" in page
    held = Import.objects.get()
    with monkeypatch.context() as law:
        law.setattr(Admission, "verdict", lambda *_: Answer("denied", "house.collect-basis"))
        refused = desk.post(address + "/go-on")
        assert refused.status_code == 403 and "house.collect-basis" in text_of(refused)
    assert desk.post(address + "/go-on")["Location"] == address
    assert 'hx-trigger="every 1s"' in text_of(desk.get(address))
    jobs.run_pending()
    assert "Every row came in" in text_of(desk.get(address)) and "林**" in text_of(desk.get("/customers"))
    Import.objects.filter(id=held.id).update(state="failed")  # and its upload is gone
    page = text_of(desk.get(address))
    assert "send the same file again" in page and address + "/go-on" not in page
    desk.post(address + "/go-on")
    assert Import.objects.get().state == "failed"


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    "error, words",
    [
        (CollectionRefused("house.collect-basis"), "basis"),
        (UnreadableSource("bad_excel", "", ""), "Save it anew"),
        (OSError(errno.ENOSPC, "no space"), "no room"),
        (OperationalError(), "database was away"),
        (actions.FilesChanged(), "not the one"),
        (actions.ImportStopped(), "stopped it"),
    ],
)
def test_what_broke_off_says_why(monkeypatch, error, words) -> None:
    desk, _ = signed_in("service", "service")
    desk.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    new = desk.post("/imports/upload", {"file": SimpleUploadedFile("customers.csv", FILE)})["Location"]
    address = desk.post(new, {"do": "start", "channel": "store", "basis": "contract", "kind": "customers"})["Location"]
    held = Import.objects.get()

    def breaks(*_, **__):
        if isinstance(error, actions.ImportStopped):
            actions.stop(held.id, actor=owner_actor())
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(actions, "write_chunk", breaks)
        with suppress(type(error)):
            actions.run(held.id, actor=owner_actor())
    assert words in text_of(desk.get(address)).partition("broke off")[2].partition("</section>")[0]
    actions.run(held.id, actor=owner_actor())
    assert Import.objects.get().fault == ""


@pytest.mark.parametrize("gone", [True, False])
def test_an_import_that_its_owner_may_not_bring_in_any_more_does_not_wait_for_ever(database, gone) -> None:
    desk, _ = signed_in("service", "service")
    desk.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    new = desk.post("/imports/upload", {"file": SimpleUploadedFile("customers.csv", FILE)})["Location"]
    address = desk.post(new, {"do": "start", "channel": "store", "basis": "contract", "kind": "customers"})["Location"]
    mia = Import.objects.get().staff
    if gone:
        Staff.objects.filter(id=mia).update(is_active=False)
    else:
        with open_owner(database) as owner:
            owner.execute("update actor_state set agreement_until = now() where actor = %s", (mia,))
    jobs.run_pending()
    assert Import.objects.get().state == "failed"
    page = text_of(signed_in("service", "service")[0].get(address, HTTP_ACCEPT_LANGUAGE="en"))
    words = "works here no more" if gone else "confidentiality"
    assert words in page.partition("broke off")[2].partition("</section>")[0]


@pytest.mark.usefixtures("database")
def test_every_import_is_reached_however_many_came_since(monkeypatch) -> None:
    """Each row that is put right is an import of its own, and so is each day of each channel."""
    monkeypatch.setattr(imports, "_ROWS", 2)
    desk, _ = signed_in("service", "service")
    first, at = _brought(), timezone.now()
    for more in range(4):
        Import.objects.create(id=new_id(), fingerprint=bytes([more]), state="done", kind="customers", channel=1,
                              controller=1, basis="contract", notice=1, sealed=b"", staff=first.id)  # fmt: skip
    Import.objects.exclude(id=first.id).update(started_at=at)  # all in one moment
    page, seen = "/imports", list[str]()
    while page:
        text = text_of(desk.get(page))
        seen += re.findall(r'href="/imports/([0-9a-f-]{36})"', text)
        page = next((f"/imports{one}" for one in re.findall(r'href="(\?before=[0-9a-f-]+)"', text)), "")
    assert len(seen) == len(set(seen)) == 5 and seen[-1] == str(first.id)
    assert desk.get("/imports?before=x").status_code == 404


def test_who_starts_twice_leaves_no_failed_job(database, monkeypatch) -> None:
    """The second waits until whoever works on it is done, or goes on in its place."""
    desk, _ = signed_in("service", "service")
    new = desk.post("/imports/upload", {"file": SimpleUploadedFile("customers.csv", FILE)})["Location"]
    form = {"do": "start", "channel": "store", "basis": "contract", "kind": "customers"}
    assert desk.post(new, form)["Location"] == desk.post(new, form)["Location"]
    held = Import.objects.get()
    with open_owner(database) as other, monkeypatch.context() as impatient:
        impatient.setattr(actions, "_WAIT_SECONDS", 0.0)
        other.execute("select pg_advisory_lock(%s)", [actions._key_of(held.id)])
        jobs.run_pending()
        other.execute("select pg_advisory_unlock(%s)", [actions._key_of(held.id)])
        assert jobs.counts() == {"todo": 2, "doing": 0, "failed": 0}
    with connection.cursor() as cursor:
        cursor.execute("update procrastinate_jobs set scheduled_at = null")
    jobs.run_pending()
    assert jobs.counts() == {"todo": 0, "doing": 0, "failed": 0} and Import.objects.get().state == "done"


@pytest.mark.usefixtures("database")
def test_what_is_being_brought_in_is_stopped_and_goes_on(monkeypatch) -> None:
    """Whoever sees that the columns are wrong does not wait for a million rows to come in."""
    desk, _ = signed_in("service", "service")
    desk.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    new = desk.post("/imports/upload", {"file": SimpleUploadedFile("customers.csv", FILE)})["Location"]
    address = desk.post(new, {"do": "start", "channel": "store", "basis": "contract", "kind": "customers"})["Location"]
    write = actions.write_chunk

    def then_stop(*told, **more):
        monkeypatch.setattr(actions, "write_chunk", write)
        assert address + "/stop" in text_of(desk.get(address))
        done = write(*told, **more)
        assert desk.post(address + "/stop")["Location"] == address
        return done

    monkeypatch.setattr(actions, "write_chunk", then_stop)
    monkeypatch.setattr(actions._Pace, "__init__", lambda pace: setattr(pace, "rows", 1))
    jobs.run_pending()
    held = Import.objects.get()
    assert (held.state, queries.status(held.id).rows, jobs.counts()["failed"]) == ("failed", 1, 0)
    assert address + "/go-on" in text_of(desk.get(address)) and address + "/undo" in text_of(desk.get(address))
    desk.post(address + "/go-on")
    jobs.run_pending()
    assert (Import.objects.get().state, queries.status(held.id).rows) == ("done", 2)


@pytest.mark.usefixtures("database")
def test_what_is_taken_back_in_half_is_said_so_and_finished(monkeypatch) -> None:
    """Of a million rows it takes minutes: a server may be restarted meanwhile, and nobody waits for all of it."""
    desk, _ = signed_in("service", "service")
    desk.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    held = _brought()
    address = f"/imports/{held.id}"
    with monkeypatch.context() as killed:
        killed.setattr(undo, "_step", lambda *_: sys.exit())
        with pytest.raises(SystemExit):
            desk.post(address + "/undo")
    page = text_of(desk.get(address))
    assert (
        "being taken back" in page
        and "0 of 2 rows taken back" in page
        and 'hx-trigger="every 1s"' in page
        and address + "/undo" in page
    )
    assert "Nothing was refused" not in page and "林**" in text_of(desk.get("/customers"))
    monkeypatch.setattr(imports, "_PATIENCE", -1.0)
    desk.post(address + "/undo")
    Import.objects.filter(id=held.id).update(undone_at=None)  # where the last step was what time ran out in
    jobs.run_pending()
    page = text_of(desk.get(address))
    assert "taken back" in page and "being taken back" not in page and "林**" not in text_of(desk.get("/customers"))
    assert address + "/undo" not in page and "Nothing was refused" not in page


@pytest.mark.usefixtures("database")
def test_what_was_taken_back_in_half_is_finished_at_night(monkeypatch) -> None:
    desk, _ = signed_in("service", "service")
    held = _brought()
    with monkeypatch.context() as killed:
        killed.setattr(undo, "_step", lambda *_: sys.exit())
        with pytest.raises(SystemExit):
            actions.undo(held.id, actor=owner_actor())
    tasks.tidy(timestamp=0)
    assert not actions.left_half(held.id) and "林**" not in text_of(desk.get("/customers"))


@pytest.mark.usefixtures("database")
def test_somebody_elses_upload_is_unknown() -> None:
    mine, _ = signed_in("service")
    other, _ = signed_in("manager")
    address = mine.post("/imports/upload", {"file": SimpleUploadedFile("customers.csv", FILE)})["Location"]
    assert mine.get(address).status_code == 200
    assert other.get(address).status_code == 404


@pytest.mark.usefixtures("database")
def test_bought_data_without_proof_is_refused_in_words() -> None:
    desk, _ = signed_in("service")
    address = desk.post("/imports/upload", {"file": SimpleUploadedFile("customers.csv", FILE)})["Location"]
    refused = desk.post(address, {"channel": "third-party", "basis": "contract", "do": "start"})
    assert refused.status_code == 403
    assert "house.collect-proof" in text_of(refused)
