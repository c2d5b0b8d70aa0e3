"""The pages of suppression lists, without script: a file sent, looked at, put in force or given up."""

from __future__ import annotations

import re

from django.core.files.uploadedfile import SimpleUploadedFile

from kehu.collect.imports import staging
from kehu.collect.models import Staged
from kehu.host.jobs import run_pending
from kehu.serve.mailing.models import Bringing
from tests.cast import admit
from tests.doors.intake.test_channel_pages import plain, signed_in
from tests.serve.test_suppression_lists import said, subscribe


def sent(desk, text, **form):
    file = SimpleUploadedFile("robinson.csv", text.encode())
    return desk.post(
        "/lists/send", {"name": "Robinson", "medium": "", "topic": "", "country": ""} | form | {"file": file}
    )


def test_a_list_from_its_file_to_its_force(database):
    lin, *_ = admit(*[{"email": "lin@mail.example"}] * 10)  # of fewer nothing is told before it acts
    subscribe(lin)
    desk, _ = signed_in("marketing")
    assert "No list is here" in plain(desk.get("/lists"))
    answer = sent(desk, "lin@mail.example\nlater@mail.example\nnobody\n")
    page = answer.headers["Location"]
    assert "being looked at" in plain(desk.get(page)) and 'hx-trigger="every 1s"' in desk.get(page).content.decode()
    run_pending()
    assert desk.get(page + "/progress").headers["HX-Refresh"] == "true"
    shown = plain(desk.get(page))
    assert "It does not act yet" in shown and "At least 10 in 10 of your customers" in shown and "lin@" not in shown
    assert said(lin) == {("email", "newsletter"): "subscribed"}
    other, _ = signed_in("service")
    assert "Whoever sent it puts it in force" in plain(other.get(page))
    for act in ("/in-force", "/give-up"):  # nothing comes of it
        assert "Whoever sent it puts it in force" in plain(other.post(page + act, follow=True))
    for _ in range(2):
        assert "coming into force" in plain(desk.post(page + "/in-force", follow=True))
    run_pending()
    assert re.search("Customers stopped 10 ", plain(desk.get(page)))
    assert said(lin)["email", "newsletter"] == "suppressed"
    overview = plain(desk.get("/lists"))
    assert "Lists in force 1" in overview and "in force 2 10" in overview


def test_one_that_is_given_up_is_gone(database):
    desk, _ = signed_in("privacy")
    page = sent(desk, "lin@mail.example\n").headers["Location"]
    run_pending()
    shown = plain(desk.get(page))
    assert "Fewer than 1 in 10" in shown
    [held] = Staged.objects.all()
    assert "nothing of the file is kept" in plain(desk.post(page + "/give-up", follow=True))
    assert desk.get(page).status_code == 404 and held.id not in staging.spooled()


def test_what_is_wrong_is_said_and_nothing_kept(database):
    desk, _ = signed_in("marketing")
    for form in ({"name": " "}, {"medium": "fax"}, {"topic": "moon"}, {"country": "QQ"}):
        answer = sent(desk, "lin@mail.example\n", **form)
        assert answer.status_code == 422 and "Give the list a name" in plain(answer)
    assert sent(desk, "").status_code == 422
    manager, _ = signed_in("manager")  # brings customers in, and stops nobody
    assert sent(manager, "lin@mail.example\n").status_code == 403
    assert not Staged.objects.exists() and not Bringing.objects.exists()
    page = sent(desk, "PK\x03\x04 no workbook").headers["Location"]
    run_pending()
    shown = plain(desk.get(page))
    assert "not read" in shown and "cannot be read" in shown
    page = sent(desk, "no address here\n").headers["Location"]
    run_pending()
    assert "No address of it counts" in plain(desk.get(page)) and "Put it in force" not in plain(desk.get(page))
