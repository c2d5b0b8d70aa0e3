"""An import by the pages: sealed as it arrives, shown masked, worked on as a job, taken back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from kehu.collect.tasks import run_import
from tests.doors.web.browsing import signed_in, text_of

CANARY = "canary.lin@mail.example"
FILE = f"客户编号,姓名,手机,邮箱\nA1,林婉清,13801926721,{CANARY}\nA2,周予安,13801926722,zhou@mail.example\n".encode()


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
