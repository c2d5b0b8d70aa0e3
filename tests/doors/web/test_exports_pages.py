"""What leaves the house, as pages: asked for, let go by a second person, followed, and a copy found elsewhere known again."""

from __future__ import annotations

import re
import tempfile
import uuid
from pathlib import Path
from urllib.parse import urljoin

import pyrage
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import override_settings

from kehu.doors.web import exports, uploads
from kehu.guard.staff.actions import add_staff, owner_actor
from kehu.serve.leaving import asking, sending, tokens
from kehu.serve.leaving.canary import canary_of
from tests.cast import admit, shipped_with
from tests.doors.web import browsing
from tests.doors.web.browsing import text_of

RECIPIENT = "Druckhaus & Söhne"


def signed_in(role, purpose=None):
    """Who reads English."""
    desk, who = browsing.signed_in(role, purpose)
    desk.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return desk, who


@pytest.fixture
def house(database):
    """Three customers, and a recipient in the register."""
    shipped_with(database, "service", recipients=[RECIPIENT], countries=["DE"])
    return admit(*({"full_name": f"P{n}", "email": f"p{n}@mail.example"} for n in range(3)), packs=2)


def asked(desk, **more):
    form = {"recipient": RECIPIENT, "kind": "processor", "country": "DE", "law": "", "field": ["email", "full_name"]}
    return desk.post("/exports/ask", form | more)


def written(id, who, tmp_path):
    key = pyrage.x25519.Identity.generate()
    sending.send(id, actor=who, to=tmp_path / "list.age", key=str(key.to_public()), form="csv")
    return pyrage.decrypt((tmp_path / "list.age").read_bytes(), [key])


def test_asked_for_let_go_and_written(house, tmp_path):
    desk, who = signed_in("service", "service")
    page = text_of(desk.get("/exports"))
    assert (
        "No list was asked for yet." in page
        and "Druckhaus &amp; Söhne" in page
        and "written at the command line" in page
    )
    with override_settings(EXPORT_ALONE=2):
        answer = asked(desk)
        assert answer.status_code == 302
        id = uuid.UUID(answer["Location"].rpartition("/")[2])
        page = text_of(desk.get(f"/exports/{id}"))
        assert "waits for a second person" in page and "Let it go" not in page and "every 10s" in page
        assert desk.post(f"/exports/{id}/decide", {"do": "approve"}).status_code == 403
        office, _ = signed_in("privacy")
        assert "1 of these waits for a second person." in text_of(office.get("/exports"))
        assert "Let it go" in text_of(office.get(f"/exports/{id}"))
        assert office.post(f"/exports/{id}/decide", {"do": "approve"}).status_code == 302
        page = text_of(desk.get(f"/exports/{id}/progress"))
        assert f"kehu exports run {id} --to list.csv.age --key age1" in page and "<html" not in page
        with connection.cursor() as cursor:
            cursor.execute("update leaving set ran_at = clock_timestamp(), rows = 1 where id = %s", [id])
        page = text_of(desk.get(f"/exports/{id}"))
        assert "1 of 3 customers" in page and "every 1s" in page and '<noscript><meta http-equiv="refresh"' in page
    assert "Let it go" not in text_of(office.get(f"/exports/{id}"))
    other = asking.leaving_of(uuid.UUID(asked(desk, law="EU")["Location"].rpartition("/")[2]))
    assert (other.filters.pack, other.fields, other.customers) == ("EU", ("email", "full_name"), 3)
    assert b"p1@mail" in written(other.id, who, tmp_path)
    page = text_of(desk.get(f"/exports/{other.id}"))
    assert asking.leaving_of(other.id).sha256.hex() in page and "hx-trigger" not in page


def test_older_ones_stand_on_pages_of_their_own(house, monkeypatch):
    monkeypatch.setattr(exports, "_ROWS", 2)
    desk, _ = signed_in("service", "service")
    asks = [uuid.UUID(asked(desk)["Location"].rpartition("/")[2]) for _ in range(4)]
    with connection.cursor() as cursor:
        cursor.execute("update leaving set ran_at = clock_timestamp(), rows = 1 where id = any (%s)", [asks[1:]])
    made, _ = add_staff(email="li@kehu.example", role="service", department=None, attest=True)
    options = {"email": made.email, "purpose": "service", "minutes": 30, "recipient": RECIPIENT, "country": "DE"}
    issued = [tokens.issue(issued_by=owner_actor(), recipient_kind="processor", **options)[1].id for _ in range(3)]
    office, who = signed_in("privacy")
    for id in issued:
        tokens.decide(id, actor=who, approve=False)
    page = text_of(desk.get("/exports"))
    found = [uuid.UUID(one) for one in re.findall(r'href="/exports/([0-9a-f-]{36})"', page)]
    assert found == [asks[3], asks[2], asks[0]]  # the last may be written yet
    page = text_of(desk.get(f"/exports?before={asks[2]}"))
    assert f'href="/exports/{asks[1]}"' in page and f'href="/exports/{asks[2]}"' not in page
    [older] = set(
        re.findall(r'href="/exports(\?issued-before=[0-9a-f-]{36})#h-tokens"', text_of(office.get("/exports")))
    )
    page = text_of(office.get(f"/exports{older}"))
    assert f'<tr id="t{issued[0]}"' in page and page.count('<tr id="t') == 1 and 'href="/exports?issued' not in page
    assert desk.get("/exports?before=x").status_code == 404
    auditor, _ = signed_in("auditor")
    for token, away in ((issued[0], True), (issued[2], False)):  # a copy of the answers that each token got
        _, marks = canary_of(token, ("email",))
        answer = auditor.post("/exports/trace", {"file": SimpleUploadedFile("a.csv", marks["email"].encode())})
        [link] = re.findall(rf'href="([^"]*#t{token})"', text_of(answer))
        assert (link != f"#t{token}") is away
        shown = text_of(auditor.get(link.partition("#")[0])) if away else text_of(answer)
        assert f'<tr id="t{token}"' in shown
        ways = re.findall(r'href="([^"]*before=[0-9a-f-]+)#h-', text_of(answer))
        assert len(ways) == 2 and {auditor.get(urljoin("/exports/trace", way)).status_code for way in ways} == {200}


def test_refused_over_or_somebody_elses(house):
    desk, _ = signed_in("service", "service")
    with override_settings(EXPORT_ALONE=0):
        id = asked(desk)["Location"].rpartition("/")[2]
        office, _ = signed_in("legal")
        assert office.post(f"/exports/{id}/decide", {"do": "refuse"}).status_code == 302
        assert "refused" in text_of(desk.get(f"/exports/{id}"))
        assert office.post(f"/exports/{id}/decide", {"do": "approve"}).status_code == 302  # decided: it stays as it is
        assert asking.leaving_of(uuid.UUID(id)).state == "refused"
    other, _ = signed_in("manager")
    assert other.get(f"/exports/{id}").status_code == other.get(f"/exports/{id}/progress").status_code == 404
    assert RECIPIENT not in text_of(other.get("/exports"))
    assert signed_in("auditor")[0].get(f"/exports/{id}").status_code == 200


def test_whoever_asked_cannot_let_it_go(house, database):
    shipped_with(database, "complaints", recipients=[RECIPIENT], countries=["DE"])
    desk, _ = signed_in("privacy", "complaints")
    with override_settings(EXPORT_ALONE=0):
        id = asked(desk)["Location"].rpartition("/")[2]
        assert "Let it go" not in text_of(desk.get(f"/exports/{id}"))
        refused = desk.post(f"/exports/{id}/decide", {"do": "approve"})
    assert refused.status_code == 403 and b"house.second-person" in refused.content


def test_a_wrong_form_says_what_is_wrong_and_keeps_the_rest(house):
    desk, _ = signed_in("service", "service")
    for wrong, said in (
        ({"recipient": " "}, "Name who gets it"),
        ({"kind": "friend"}, "Say what the recipient is"),
        ({"country": "Germany"}, "A country is two letters"),
        ({"field": ["national_id"]}, "does not need all of these"),
    ):
        answer = asked(desk, **{"law": "EU"} | wrong)
        assert answer.status_code == 422 and said in text_of(answer), wrong
        assert '<option value="EU" selected>' in text_of(answer)
    assert "Say first what it is for" in text_of(signed_in("service")[0].get("/exports"))
    marketing, _ = signed_in("marketing", "marketing")
    assert "The register names nobody outside" in text_of(marketing.get("/exports"))


def test_a_program_outside_is_let_go_on_or_ended(house):
    made, _ = add_staff(email="li@kehu.example", role="service", department=None, attest=True)
    options = {"email": made.email, "purpose": "service", "minutes": 30, "recipient": RECIPIENT}
    _, held = tokens.issue(issued_by=owner_actor(), recipient_kind="processor", country="DE", **options)
    office, _ = signed_in("privacy")
    assert "Let it go on" in text_of(office.get("/exports")) and "0 of 500" in text_of(office.get("/exports"))
    service, _ = signed_in("service", "service")
    assert RECIPIENT not in text_of(service.get("/exports")).partition("Programs outside")[2]
    assert service.post(f"/exports/tokens/{held.id}/decide", {"do": "approve"}).status_code == 403
    assert office.post(f"/exports/tokens/{held.id}/decide", {"do": "approve", "customers": "700"}).status_code == 302
    assert tokens.token_of(held.id).most == 700
    for given in ("a lot", "0", "", "1,000", "99999999"):
        wrong = office.post(f"/exports/tokens/{held.id}/decide", {"do": "approve", "customers": given})
        assert (wrong.status_code, tokens.token_of(held.id).most) == (422, 700), given
        assert "Nothing is decided yet" in text_of(wrong) and f'value="{given}"' in text_of(wrong)
    office.post(f"/exports/tokens/{held.id}/decide", {"do": "refuse"})
    assert tokens.token_of(held.id).state == "ended" and "Let it go on" not in text_of(office.get("/exports"))
    again = office.post(f"/exports/tokens/{held.id}/decide", {"do": "approve", "customers": "700"})
    assert again.status_code == 302 and tokens.token_of(held.id).state == "ended"


def test_a_file_is_looked_through_and_nothing_of_it_kept(house, tmp_path, monkeypatch):
    desk, who = signed_in("service", "service")
    id = uuid.UUID(asked(desk)["Location"].rpartition("/")[2])
    text = written(id, who, tmp_path)
    _, values = canary_of(id, ("email", "full_name"))
    before = set(Path(tempfile.gettempdir()).iterdir())
    office, _ = signed_in("auditor")
    page = text_of(office.post("/exports/trace", {"file": SimpleUploadedFile("found.csv", text)}))
    assert "The list for Druckhaus &amp; Söhne" in page and str(id) in page and "2 times" in page
    assert "p1@mail" not in page and values["email"] not in page
    kept = [path for path in set(Path(tempfile.gettempdir()).iterdir()) - before if "upload" in path.name]
    assert kept == []
    page = text_of(
        office.post("/exports/trace", {"file": SimpleUploadedFile("other.csv", b"nobody@mail.example" * 900)})
    )
    assert "No made-up customer of ours stands in it." in page
    for empty in ({}, {"file": SimpleUploadedFile("empty.csv", b"")}):
        answer = office.post("/exports/trace", empty)
        assert answer.status_code == 422 and "No file came" in text_of(answer)
    assert desk.post("/exports/trace", {"file": SimpleUploadedFile("found.csv", text)}).status_code == 403
    strict = browsing.browser(enforce_csrf_checks=True)
    strict.cookies = office.cookies
    assert strict.post("/exports/trace", {"file": SimpleUploadedFile("found.csv", text)}).status_code == 403
    monkeypatch.setattr(uploads, "LARGEST_TRACED", 10)
    assert office.post("/exports/trace", {"file": SimpleUploadedFile("found.csv", text)}).status_code in (400, 422)
