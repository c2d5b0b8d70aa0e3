"""Pages on corrections: who may open them, and a correction from its reason to its proof."""

from __future__ import annotations

import uuid

from django.db import connection
from django.utils import translation

from kehu.doors.web.corrections.urls import urlpatterns
from kehu.govern.consent import Statement, give_consent
from kehu.guard.gate.read import gate
from kehu.guard.staff.actions import owner_actor
from kehu.serve.corrections.models import Telling
from kehu.serve.rights import probable, requests
from kehu.vault.assignment import PROBABLE
from kehu.vault.ids import new_id
from tests.cast import admit, shipped_with, staff
from tests.doors.office.test_office_pages import LIN, ROLES, signed_in
from tests.doors.web.browsing import browser, misfits, text_of
from tests.serve.holdings import link

CORRECTS = frozenset({"service", "manager", "privacy", "legal"})
TELLS = frozenset({"privacy", "legal"})
UNKNOWN = uuid.UUID(int=7)
# name of the address -> (path, method, roles let in, status for them, status for the others that are signed in)
TABLE = {
    "corrections": ("/corrections", "get", TELLS, 200, 403),
    "corrections-find": ("/corrections/customer", "post", CORRECTS, 404, 403),
    "corrections-of": (f"/corrections/{UNKNOWN}", "get", CORRECTS, 404, 403),
    "correction-letter": (f"/corrections/tellings/{UNKNOWN}/letter", "get", TELLS, 404, 403),
    "correction-told": (f"/corrections/tellings/{UNKNOWN}", "post", TELLS, 302, 403),
    "correction-not-told": (f"/corrections/tellings/{UNKNOWN}/undo", "post", TELLS, 302, 403),
}


def test_every_address_is_in_the_table_and_each_role_gets_what_it_says(database):
    assert {pattern.name for pattern in urlpatterns} == set(TABLE)
    wrong = []
    for role in ROLES:
        wrong += misfits(TABLE, role, signed_in(role)[0])
    assert wrong == []
    for path, method, *_ in TABLE.values():
        answer = getattr(browser(), method)(path)
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/sign-in"), path


def test_a_correction_from_its_reason_to_its_proof(database):
    shipped_with(database, "marketing", recipients=["Acme"], countries=["CN"])
    [lin] = admit(LIN)
    said = Statement(notice=1, way="staff")
    give_consent(lin, purpose=4, purpose_version=1, statement=said, recorded_by=owner_actor().staff, id=new_id())
    marketing = staff("marketing")
    for _ in gate().stream([lin], actor=marketing, purpose="marketing", use="give", recipient="Acme", country="CN"):
        pass
    desk, _ = signed_in("privacy")
    assert "Nobody waits to be told." in text_of(desk.get("/corrections"))
    for typed in (str(lin)[-12:], str(UNKNOWN), "<Lin>"):  # what was typed stands there still, to be put right
        answer = desk.post("/corrections/customer", {"customer": typed})
        assert answer.status_code == 404 and "No customer has this id." in text_of(answer)
        assert f'value="{typed.replace("<", "&lt;").replace(">", "&gt;")}"' in text_of(answer)
    page = desk.post("/corrections/customer", {"customer": f"http://localhost/customers/{lin}?kind=person"})["Location"]
    form = {"field": "email", "value": "right@mail.example", "reason": "typed wrongly"}
    assert "Say why." in text_of(desk.post(page, form | {"reason": " "}))
    assert "not in the form" in text_of(desk.post(page, form | {"value": "right"}))
    assert "no open request" in text_of(desk.post(page, form | {"request": "x"}))
    assert desk.post(page, form)["Location"].endswith("done=corrected")
    body = text_of(desk.get(page))
    for words in ("lin@mail.example", "right@mail.example", "typed wrongly", "Acme", "to be told"):
        assert words in body, words
    board = text_of(desk.get("/corrections"))
    assert "Acme" in board and "mail.example" not in board
    id = Telling.objects.get().id
    assert "was wrong" in text_of(desk.get(f"/corrections/tellings/{id}/letter"))
    told = {"way": "letter", "proof": "RR123"}
    assert desk.post(f"/corrections/tellings/{id}", told | {"proof": " "})["Location"].endswith("done=wrong")
    assert desk.post(f"/corrections/tellings/{id}", told)["Location"].endswith("done=told")
    noted = text_of(desk.get(page))
    assert "RR123" in noted and "Not done after all" in noted
    assert desk.post(f"/corrections/tellings/{id}/undo")["Location"] == f"/corrections/{lin}?done=not-told"
    again = text_of(desk.get(f"/corrections/{lin}?done=not-told"))
    assert "RR123" not in again and "they wait to be told again" in again and "to be told" in again
    assert "Acme" in text_of(desk.get("/corrections"))
    assert desk.post(f"/corrections/tellings/{id}/undo")["Location"].endswith("/corrections?done=wrong")
    desk.post(f"/corrections/tellings/{id}", told)
    with connection.cursor() as cursor:  # as where the import of the wrong value is taken back
        cursor.execute("update record set hidden = true where kind = 5")
    assert "taken back since" in text_of(desk.get(page))
    with translation.override("zh-hant"):
        desk.defaults["HTTP_ACCEPT_LANGUAGE"] = "zh-hant"
        assert "更正" in text_of(desk.get(page))


def test_a_request_names_what_linkage_joined_and_takes_the_answer(database):
    lin, other = admit(LIN, {"full_name": "林小红", "email": "old@mail.example"})
    link(lin, other, PROBABLE)
    desk, who = signed_in("privacy")
    id = requests.open_request(subject=lin, right="access", actor=who)
    body = text_of(desk.get(f"/requests/{id}"))
    assert "Records that may be theirs" in body and "old@mail.example" not in body
    part = f"/requests/{id}/parts/{other}"
    assert desk.post(part, {"verdict": "perhaps"}).status_code == 404
    assert desk.post(part, {"verdict": "decline"})["Location"].endswith("done=decline-part")
    assert "somebody else" in text_of(desk.get(f"/requests/{id}"))
    assert [one.state for one in probable.parts_of(id, actor=who)] == ["declined"]
