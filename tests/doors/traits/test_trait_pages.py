"""The pages of traits: every address × role × status, a trait declared by form, and what a customer sees and stops."""

from __future__ import annotations

import pytest
from django.db import connection

from kehu.doors.web.traits.urls import urlpatterns
from kehu.govern import consent as consents
from kehu.guard.staff.actions import owner_actor
from kehu.refine.derive import actions, runs
from kehu.refine.derive.models import Trait
from kehu.vault.ids import new_id
from tests.cast import admit, staff
from tests.doors.web.browsing import browser, misfits, signed_in, text_of
from tests.refine.derive.conftest import agree, definition
from tests.serve.holdings import add_event

ROLES = ("service", "marketing", "manager", "analyst", "privacy", "legal", "auditor", "engineer")
ALL = frozenset(ROLES)
DECLARING = frozenset({"marketing", "manager", "analyst", "privacy"})
RETIRING = DECLARING | {"auditor", "legal"}
# name of the address -> (path, method, roles let in, status for them, status for the others that are signed in)
TABLE = {
    "traits": ("/traits", "get", ALL, 200, 200),
    "traits-rfm": ("/traits/rfm", "get", DECLARING, 200, 403),
    "trait": ("/traits/of/recency", "get", ALL, 200, 200),
    "trait-new": ("/traits/new", "get", DECLARING, 200, 403),
    "trait-change": ("/traits/of/recency/change", "get", DECLARING, 200, 403),
    "trait-check": ("/traits/check", "post", DECLARING, 200, 403),
    "traits-compute": ("/traits/compute", "post", DECLARING, 302, 403),
    "trait-retire": ("/traits/of/moon/retire", "post", RETIRING, 404, 403),
}
# the customers' door has a sign-in of its own
OWN = {
    "portal-derived": ("/portal/derived", "get", {}, 302, 200),
    "portal-derived-object": ("/portal/derived/object", "post", {"purpose": "analytics"}, 302, 302),
}
FORM = {
    "slug": "late_orders", "language": "sql", "source": "orders",
    "expression": "select count(*) from orders where hour >= 22", "purpose": "analytics", "level": "2", "unit": "count",
    "bands": "1, 2", "retention_days": "365", "owner": "analyst@kehu.example", "deputy": "manager@kehu.example",
    **{f"{part}_{one}": "Late" for part in ("label", "description") for one in ("zh-hans", "zh-hant", "en")},
}  # fmt: skip


def in_english(role: str, purpose: str | None = None):
    """Somebody who reads English, with an analyst and a manager about who may own what is declared."""
    staff("analyst")
    staff("manager")
    desk, _ = signed_in(role, purpose=purpose)
    desk.cookies["kehu_language"] = "en"
    return desk


def test_every_address_is_in_the_table():
    assert {pattern.name for pattern in urlpatterns} == set(TABLE) | set(OWN)


def test_each_role_gets_what_the_table_says(database):
    wrong = []
    for role in ROLES:
        desk, _ = signed_in(role)
        wrong += misfits(TABLE, role, desk)
    assert wrong == []


def test_nobody_else_gets_anything(database):
    for path, method, *_ in TABLE.values():
        answer = getattr(browser(), method)(path)
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/sign-in"), path
    for path, method, *_ in OWN.values():
        answer = getattr(browser(), method)(path)
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/portal/sign-in"), path


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("expression", "select count(*) from orders where full_name = 'x'", "names or reaches a person"),
        ("purpose", "", "one registered purpose"),
        ("deputy", "analyst@kehu.example", "Nothing unowned"),
        ("deputy", "", "Nothing unowned"),
        ("label_zh-hant", "", "in each of three languages"),
        ("bands", "1, inf", "up to 12 numbers"),
        ("bands", "nan", "up to 12 numbers"),
        ("source", "orders and interactions", "This is no source"),
    ],
)
def test_a_form_that_may_not_come_into_force_says_why(database, part, value, said):
    desk = in_english("analyst")
    answer = desk.post("/traits/new", FORM | {part: value, "do": "declare"})
    assert answer.status_code == 400 and said in text_of(answer)
    assert not Trait.objects.exists()


def test_a_trait_is_checked_declared_changed_and_retired_by_forms(database):
    desk = in_english("analyst")
    assert "Read from: Ordered at" in text_of(desk.post("/traits/check", FORM))
    assert "1:35" in text_of(
        desk.post("/traits/check", FORM | {"expression": "select count(*) from orders where phone"})
    )
    assert "Of too few customers" in text_of(desk.post("/traits/new", FORM | {"do": "try"}))
    assert not Trait.objects.exists()  # a trial keeps nothing
    answer = desk.post("/traits/new", FORM | {"do": "declare"})
    assert answer["Location"] == "/traits/of/late_orders?done=declared"
    assert "hour &gt;= 22" in text_of(desk.get("/traits/of/late_orders"))
    desk.post(
        "/traits/of/late_orders/change", FORM | {"expression": FORM["expression"].replace("22", "23"), "do": "declare"}
    )
    page = text_of(desk.get("/traits/of/late_orders"))
    assert "Version 2" in page and "hour &gt;= 23" in page and "hour &gt;= 22" in page
    assert desk.post("/traits/of/late_orders/retire")["Location"] == "/traits?done=retired"
    assert Trait.objects.get().state == "retired"


def test_the_page_says_which_purpose_nobody_may_compute(database):
    desk = in_english("analyst")
    desk.post("/traits/new", FORM | {"do": "declare"})
    assert "are not computed" not in text_of(desk.get("/traits"))
    with connection.cursor() as cursor:
        cursor.execute("update actor_state set agreement_until = now() - interval '1 day'", ())
    page = text_of(desk.get("/traits"))
    assert "The traits of “Analytics” are not computed" in page and "No confidentiality agreement" in page


def test_a_customer_sees_what_was_derived_and_stops_it(visitor):
    desk = in_english("manager", "analytics")
    who = admit({"external_id": "K1", "full_name": "Ann Lee", "email": "ann@mail.example"}, packs=16)[0]
    for number in range(3):
        add_event(
            who, 3, {"ordered_at": f"2026-0{number + 1}-03T10:00:00Z", "amount": "12.5", "currency": "AUD"}, number
        )
    actions.put_shipped_in_force(
        owners={"analytics": ("analyst@kehu.example", "manager@kehu.example")}, actor=owner_actor()
    )
    runs.compute(actor=owner_actor())
    visitor.come_in("ann@mail.example")
    page = visitor.see("/portal/derived")
    assert "A$39" in page and "Made of: Amount" in page and "Object to" in page
    record = text_of(desk.get(f"/customers/{who}"))
    assert 'id="derived"' in record and "A$39" in record
    answer = visitor.client.post("/portal/derived/object", {"purpose": "analytics"})
    assert answer["Location"] == "/portal/derived?done=objected"
    assert "Nothing is derived about you" in visitor.see("/portal/derived")
    assert 'href="/portal#allow"' in visitor.see("/portal/derived?done=objected")
    assert "Take back" in visitor.see("/portal")
    assert "A$39" not in text_of(desk.get(f"/customers/{who}"))


def test_what_reveals_something_is_covered_until_a_second_fact_is_given(visitor):
    """Whoever reads the mailbox, a family's say, reads no sensitive value; neither one that was derived."""
    in_english("manager")
    [who] = admit({"external_id": "K1", "full_name": "Ann Lee", "email": "ann@mail.example"}, packs=16)
    agree(who, 6)
    consents.give_consent(
        who, purpose=6, purpose_version=1, recorded_by=owner_actor().staff, id=new_id(),
        statement=consents.Statement(way="counter", notice=1, terms=consents.Terms("sensitive")),
    )  # fmt: skip
    add_event(who, 3, {"ordered_at": "2026-01-03T10:00:00Z", "product": "medical tea"})
    expression = "select count(*) * 7301 from orders where product like '%medic%'"
    actions.declare(
        definition("diet", expression, level=4), owner="analyst@kehu.example", deputy="manager@kehu.example", actor=owner_actor()
    )  # fmt: skip
    runs.compute(actor=owner_actor())
    visitor.come_in("ann@mail.example")
    page = visitor.see("/portal/derived")
    assert "diet" in page and "7,301" not in page
    assert visitor.client.post("/portal/confirm", {"fact": "K1"}).status_code == 302
    assert "7,301" in visitor.see("/portal/derived")
