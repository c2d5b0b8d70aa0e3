"""Scans of paper forms: drawn anew, sealed under the customer's key, shown to the office alone, gone with the customer."""

from __future__ import annotations

import base64
import io
import zipfile
import zlib
from datetime import datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from PIL import Image

from kehu.govern import states
from kehu.govern.consent import notice_in_force
from kehu.govern.models import Consent
from kehu.govern.notices import Covered, covers_of
from kehu.govern.slugs import PURPOSES
from kehu.guard.staff.actions import owner_actor
from kehu.serve.counter.entries import EntryRefused
from kehu.serve.counter.papers import Form, record_form
from kehu.serve.desk.queries import explain
from kehu.serve.register import changes
from kehu.serve.rights.consents import actions, scanning
from kehu.serve.rights.consents.evidence import Evidence, open_evidence
from kehu.serve.rights.consents.scans import ScanRefused, drawn_anew
from kehu.vault.ids import new_id
from tests.cast import admit, staff
from tests.doors.portal.test_notices import WORDS, widen
from tests.paper import jpeg, sheet

MARK = b"CANARYzq51.5007N"


def _with_metadata() -> bytes:
    exif = Image.Exif()
    exif[0x010E], exif[0x8298] = MARK.decode(), MARK.decode()
    exif.get_ifd(0x8825).update({1: "N", 2: (51.0, 30.0, 26.0), 3: "W", 4: (0.0, 7.0, 39.0)})
    return sheet(format="JPEG", exif=exif, comment=MARK)


def _polyglot() -> bytes:
    """A picture that is an archive as well, and a page with a script."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("run.html", MARK.decode() + "<script>alert(1)</script>")
    return sheet() + b"<script>" + MARK + b"</script>" + packed.getvalue()


def _bomb() -> bytes:
    """A PNG of 60,000 × 60,000 pixels in some kilobytes."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")

    head = (60_000).to_bytes(4, "big") * 2 + bytes((8, 0, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(1 << 20)))
        + chunk(b"IEND", b"")
    )


def _pages(count: int, format: str) -> bytes:
    pages = [Image.new("RGB", (300, 400), (200, 10 * n, 10)) for n in range(count)]
    made = io.BytesIO()
    pages[0].save(made, format=format, save_all=True, append_images=pages[1:])
    return made.getvalue()


def test_only_pixels_are_kept_whatever_came_with_them():
    for name, came in {"metadata": _with_metadata(), "polyglot": _polyglot()}.items():
        assert MARK in came, name  # the control: it is there before
        kept = drawn_anew(came)
        picture = jpeg(kept)
        assert MARK not in kept and b"<script" not in kept and not zipfile.is_zipfile(io.BytesIO(kept)), name
        assert not picture.getexif() and "comment" not in picture.info and "icc_profile" not in picture.info, name
        assert kept.endswith(b"\xff\xd9"), name
    two = jpeg(drawn_anew(_pages(2, "PDF")))
    assert two.height > 1.9 * two.width and jpeg(drawn_anew(_pages(3, "TIFF"))).size == (300, 1200)
    turned = Image.Exif()
    turned[0x0112] = 6  # held on its side: what was noted of it is in the pixels afterwards
    assert jpeg(drawn_anew(sheet(format="JPEG", size=(400, 200), exif=turned))).size == (200, 400)


def test_what_is_no_scan_is_refused_with_its_reason_and_in_bounds():
    html = b"%PDF-1.7\n<script>" + MARK
    refused = {
        "unreadable": [b"", b"a scan", sheet()[:200], html, b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a" + bytes(40)],
        "too-large": [_bomb(), bytes(scanning.MOST_INPUT + 1)],
        "too-many-pages": [_pages(scanning.MOST_PAGES + 1, "PDF"), _pages(scanning.MOST_PAGES + 1, "TIFF")],
    }  # fmt: skip
    for reason, contents in refused.items():
        for content in contents:
            with pytest.raises(ScanRefused) as failed:
                drawn_anew(content)
            assert failed.value.reason == reason, content[:20]
            assert MARK.decode() not in str(failed.value)


@pytest.mark.usefixtures("database")
def test_a_form_lies_sealed_with_the_consent_it_proves_and_goes_with_the_customer():
    [lin] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    form = Evidence("paper-form", _with_metadata(), "binder 7")
    [row] = actions.give(
        lin, PURPOSES["marketing"], actor=owner_actor(), kind="general", until=None, notice=None, by_subject=None, evidence=form
    )  # fmt: skip
    sealed = bytes(Consent.objects.get(id=row["id"]).evidence or b"")
    held = open_evidence(UUID(str(row["id"])), actor=owner_actor())
    kept = base64.b64decode(held["content"])
    jpeg(kept)
    assert held["kind"] == "paper-form" and MARK not in kept
    assert not any(part in sealed for part in (MARK, b"JFIF", b"binder", base64.b64encode(kept)[:40]))


@pytest.mark.usefixtures("database")
def test_a_form_under_a_notice_that_says_nothing_of_the_purpose_agrees_to_nothing():
    [lin] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    office, paul = staff("manager"), staff("privacy")
    all_but = {slug: held for slug, held in covers_of(notice_in_force()).items() if slug != "marketing"}
    changes.approve(changes.propose_notice("privacy", WORDS, all_but, reason="told", actor=office).id, actor=paul)
    form = {
        "kind": "general",
        "until": None,
        "notice": "privacy@2",
        "by_subject": None,
        "evidence": Evidence("paper-form", sheet(), ""),
    }
    with pytest.raises(ValueError, match="says nothing of marketing"):
        actions.give(lin, PURPOSES["marketing"], actor=owner_actor(), **form)
    assert not Consent.objects.exists()


@pytest.mark.usefixtures("database")
def test_a_form_agrees_to_what_its_notice_said_not_to_what_the_use_became():
    [lin] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    marketing, told = staff("marketing"), notice_in_force()
    version = covers_of(told)["marketing"].version
    widen((staff("manager"), staff("legal")), "marketing", {"recipients": ["Parcel Post"]})
    yesterday = timezone.localdate() - timedelta(days=1)
    record_form(lin, Form("marketing", yesterday, "en", told.id, sheet()), actor=owner_actor())
    assert Consent.objects.get().purpose_version == version
    held = explain(lin, actor=marketing, purpose="marketing", fields=["email"])["email"]
    assert (held.answer, held.policy) == ("denied", "cn.pipl.consent-version")


@pytest.mark.usefixtures("database")
def test_a_form_is_of_the_day_where_it_is_taken_in_and_a_no_of_that_day_stands():
    [lin], owner = admit({"full_name": "林婉清", "email": "lin@mail.example"}), owner_actor()
    for zone in ("Asia/Shanghai", "America/Los_Angeles"):
        with timezone.override(ZoneInfo(zone)):
            yesterday = timezone.localdate() - timedelta(days=1)
            early = datetime.combine(yesterday, time(7, 30), timezone.get_current_timezone())
            states.enter(lin, "objection", by=owner.staff, id=new_id(), purpose=PURPOSES["marketing"], since=early)
            with pytest.raises(EntryRefused, match="said-later"):
                record_form(lin, Form("marketing", yesterday, "en", notice_in_force().id, sheet()), actor=owner)
            record_form(lin, Form("marketing", timezone.localdate(), "en", notice_in_force().id, sheet()), actor=owner)
            newest = Consent.objects.order_by("-recorded_at")[0]
            assert (newest.status, timezone.localdate(newest.at)) == ("given", timezone.localdate())


@pytest.mark.usefixtures("database")
def test_a_consent_under_a_notice_that_is_named_is_to_what_that_notice_said():
    [lin], marketing = admit({"full_name": "林婉清", "email": "lin@mail.example"}), staff("marketing")
    old, office = notice_in_force(), (staff("manager"), staff("legal"))
    widen(office, "marketing", {"recipients": ["Parcel Post"]})
    told = {slug: held for slug, held in covers_of(old).items() if slug != "analytics"}
    told["marketing"] = Covered(told["marketing"].version + 1, told["marketing"].fields)
    changes.approve(changes.propose_notice("privacy", WORDS, told, reason="told", actor=office[0]).id, actor=office[1])
    said = {"actor": owner_actor(), "kind": "general", "until": None, "by_subject": None}
    for notice, answer in (("privacy@1", "denied"), ("privacy@2", "clear"), ("privacy@1", "denied"), (None, "clear")):
        actions.give(lin, PURPOSES["marketing"], notice=notice, **said)
        held = explain(lin, actor=marketing, purpose="marketing", fields=["email"])["email"]
        assert held.answer == answer, notice
    with pytest.raises(ValueError, match="says nothing of analytics"):
        actions.give(lin, PURPOSES["analytics"], notice="privacy@2", **said)
