"""The desk in use: masked lists and records, showing one field, searching, paging, and what never leaks."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import override_settings
from django.urls import reverse

from kehu.doors.web import record
from kehu.govern.dictionary import Dictionary
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate import read
from kehu.guard.ledger.queries import rows
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import add_staff, owner_actor
from kehu.host.database import Database
from kehu.serve.desk import happened
from kehu.serve.desk import record as desk_record
from kehu.serve.desk.happened import came_at
from kehu.serve.desk.record import sources_in_all
from kehu.serve.desk.standing import standing_of
from kehu.serve.rights import requests
from kehu.serve.rights.consents import actions as rights
from kehu.serve.rights.erasing.erasure import erase
from kehu.vault.assignment import CONFIRMED, PROBABLE
from tests.cast import admit
from tests.doors.web.browsing import browser, signed_in, text_of
from tests.serve.holdings import add_event, link

PHONE, EMAIL = "+8613801926721", "lin.wanqing@mail.example"
LIN = {"full_name": "林婉清", "email": EMAIL, "phone": PHONE, "address": "上海市徐汇区衡山路 1 号"}

pytestmark = pytest.mark.usefixtures("database")


def test_list_and_record_show_masks_only() -> None:
    [subject] = admit(LIN)
    desk, _ = signed_in("service", "service")
    listed, record = text_of(desk.get("/customers")), text_of(desk.get(f"/customers/{subject}"))
    assert "林**" in listed
    assert "林婉清" in record
    for value in (PHONE, "13801926721", EMAIL, "衡山路"):
        assert value not in listed
        assert value not in record
    assert "138" in record
    assert "6721" in record


def test_whoever_comes_often_is_here_since_they_first_came() -> None:
    """More contacts than a page lists: when they came, how many records there are, and where each value is from."""
    [subject] = admit(LIN)
    with connection.cursor() as cursor:
        cursor.execute("select id from record where subject = %s", [subject])
        [first] = cursor.fetchone()
    for number in range(30):
        add_event(subject, 4, {"kind": "call"}, number)
    desk, _ = signed_in("service", "service")
    desk.post("/language", {"language": "en"})
    page, lineage = text_of(desk.get(f"/customers/{subject}")), text_of(desk.get(f"/customers/{subject}/lineage"))
    assert '<span class="n">31</span>' in page and "The newest 20 of 31" in page
    assert sources_in_all(subject) == (31, came_at(first))
    assert "Contract" in lineage and "Store" in lineage


def test_a_timeline_lists_the_newest_and_the_older_ones_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(happened, "PAGE", 5)
    monkeypatch.setattr(record, "PAGE", 5)
    [subject] = admit(LIN)
    for number in range(12):
        add_event(subject, 4, {"kind": "call", "topic": f"topic-{number:02}-"}, number)
    desk, actor = signed_in("service", "service")
    desk.post("/language", {"language": "en"})
    told = lambda page: sorted(set(re.findall(r"topic-(\d\d)-", page)))
    page = text_of(desk.get(f"/customers/{subject}?consent=any"))
    assert told(page) == ["07", "08", "09", "10", "11"] and "7 that came in earlier are counted above" in page
    assert '<span class="n">12</span>' in page
    where = f"/customers/{subject}/timeline?after=5&amp;consent=any"
    assert f'href="{where}"' in page
    second = text_of(desk.get(where.replace("&amp;", "&")))
    assert told(second) == ["02", "03", "04", "05", "06"] and "6 to 10 of 12" in second
    assert f'href="/customers/{subject}?consent=any#timeline" rel="prev"' in second
    assert 'href="?after=10&amp;consent=any" rel="next"' in second
    newest = rows(human=actor.human)[0]
    assert newest["action"] == "read" and f"#r{newest['seq']}" in second  # a row of its own, of what happened alone
    assert set(newest["fields"]) and all(Dictionary.load().field(name).event for name in newest["fields"])
    third = text_of(desk.get(f"/customers/{subject}/timeline?after=10"))
    assert (
        told(third) == ["00", "01"]
        and 'rel="next"' not in third
        and 'href="?after=5&amp;consent=any" rel="prev"' in third
    )
    assert "Nothing older came in" in text_of(desk.get(f"/customers/{subject}/timeline?after=40"))
    assert desk.get(f"/customers/{subject}/timeline?after=-1").status_code == 400


def test_a_record_opens_no_more_of_what_happened_than_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many contacts the newest, of many orders so many as the figures are made of; the figures say so."""
    monkeypatch.setattr(happened, "PAGE", 3)
    monkeypatch.setattr(desk_record, "FIGURED", 4)
    [subject] = admit(LIN)
    order = {"order_id": "O", "ordered_at": "2026-05-01T08:00:00+08:00", "amount": "10.00", "currency": "CNY"}
    for number in range(4):
        add_event(subject, 3, order | {"order_id": f"order-{number}-"}, number)
    for number in range(6):
        add_event(subject, 4, {"kind": "call", "topic": f"topic-{number}-"}, number)
    desk, _ = signed_in("service", "service")
    desk.post("/language", {"language": "en"})
    opened: list[int] = []
    held = read.open_facet
    monkeypatch.setattr(read, "open_facet", lambda *a, **more: opened.append(1) or held(*a, **more))
    page = text_of(desk.get(f"/customers/{subject}"))
    assert re.search(r"Spent in all</dt><dd[^>]*>[^<]*40", page)  # every order counts, though the page lists none
    assert "order-" not in page and len(set(re.findall(r"topic-\d-", page))) == 3
    assert "7 that came in earlier are counted above" in page and '<span class="n">10</span>' in page
    of_profile = len(opened) - 3 - 4
    for number in range(4, 6):
        add_event(subject, 3, order | {"order_id": f"order-{number}-"}, number)
    opened.clear()
    page = text_of(desk.get(f"/customers/{subject}"))
    assert len(opened) == of_profile + 3 + 2  # two of the four newest orders are on the page already
    assert "Spent in all" not in page and "(the newest 4)" in page
    assert re.search(r"<dt>Orders</dt><dd[^>]*>6", page) and re.search(r"<dt>Contacts with us</dt><dd[^>]*>6", page)
    assert "by month" not in page


def test_a_sender_that_dates_what_it_sends_puts_it_in_its_place() -> None:
    """What was late on its way does not count for newer than what came before it."""
    [subject] = admit(LIN)
    first, second = (add_event(subject, 4, {"kind": "call", "topic": f"{n}"}, n) for n in range(2))
    with connection.cursor() as cursor:
        cursor.execute("update record set said_at = '2020-01-01' where id = %s", [second])
    chosen = happened.choose(subject, ["topic"])
    assert [id for _, id in chosen.listed] == [first, second]
    assert chosen.counts == {"interaction": 2} and chosen.whole == {"interaction"}


def test_showing_a_field_is_a_read_of_its_own() -> None:
    [subject] = admit(LIN)
    desk, actor = signed_in("service", "service")
    shown = text_of(desk.post(f"/customers/{subject}/show", {"field": "phone"}, headers={"HX-Request": "true"}))
    assert PHONE in shown
    assert EMAIL not in shown
    newest = rows(human=actor.human)[0]
    assert (newest["action"], newest["fields"], newest["subjects"]) == ("read", ["phone"], 1)
    assert f"#r{newest['seq']}" in shown
    whole = text_of(desk.post(f"/customers/{subject}/show", {"field": "phone"}))  # without script
    assert PHONE in whole
    assert "<html" in whole


def test_a_field_outside_the_purpose_is_refused_in_words() -> None:
    [subject] = admit(LIN | {"occupation": "织工"})
    desk, _ = signed_in("service", "service")
    for language, words in (("en", "The purpose does not need this field."), ("zh-hans", "该目的不需要此项信息。")):
        desk.post("/language", {"language": language})
        answer = text_of(
            desk.post(f"/customers/{subject}/show", {"field": "occupation"}, headers={"HX-Request": "true"})
        )
        assert words in answer
        assert "house.purpose-least" in answer
        assert "织工" not in answer
    assert desk.post(f"/customers/{subject}/show", {"field": "nonsense"}).status_code == 400


def test_marketing_sees_only_who_agreed_and_is_told_of_the_rest() -> None:
    agreed, _ = admit(LIN, LIN | {"full_name": "周予安", "email": "zhou@mail.example"})
    service, _ = signed_in("service", "service")
    service.post(f"/customers/{agreed}/consent", {"purpose": "marketing", "do": "give"})
    desk, _ = signed_in("marketing", "marketing")
    desk.post("/language", {"language": "en"})
    listed = text_of(desk.get("/customers"))
    assert "林**" in listed
    assert "周**" not in listed
    assert "1 customer is left out" in listed
    everybody = text_of(desk.get("/customers?consent=any"))
    assert "周**" not in everybody
    assert "cn.pipl.consent-none" in everybody
    service.post(f"/customers/{agreed}/consent", {"purpose": "marketing", "do": "withdraw"})
    refused = desk.get(f"/customers/{agreed}")
    assert refused.status_code == 403
    assert "林" not in text_of(refused).replace("林**", "")


def test_whoever_is_listed_without_their_name_is_not_said_to_have_none() -> None:
    [subject] = admit(LIN | {"language": "zh"})
    service, _ = signed_in("service", "service")
    service.post(f"/customers/{subject}/consent", {"purpose": "analytics", "do": "give"})
    for role, purpose, named in (("service", "service", True), ("analyst", "analytics", False)):
        desk, _ = signed_in(role, purpose)
        desk.post("/language", {"language": "en"})
        listed = text_of(desk.get("/customers?consent=any"))
        assert f'href="/customers/{subject}' in listed and str(subject)[-12:] in listed
        assert "No name" not in listed and ("林**" in listed) is named


def test_a_consent_is_to_blame_for_nobody_whom_another_filter_leaves_out() -> None:
    agreed, *_ = admit(LIN, LIN | {"full_name": "周予安"}, LIN | {"full_name": "吴桐"}, packs=1)
    admit({"full_name": "Anna Weber"}, packs=2)
    with connection.cursor() as cursor:
        cursor.execute("update subject_state set kind = 2 where subject <> %s and packs = 2", [agreed])
    service, _ = signed_in("service", "service")
    service.post(f"/customers/{agreed}/consent", {"purpose": "marketing", "do": "give"})
    desk, _ = signed_in("marketing", "marketing")
    desk.post("/language", {"language": "en"})
    for query, said in (
        ("", "3 customers are left out"),
        ("?kind=organisation", "1 customer is left out"),
        ("?kind=person", "2 customers are left out"),
        ("?pack=CN", "2 customers are left out"),
        ("?pack=US", ""),
        ("?stale=36", ""),
        ("?kind=unattached", ""),
    ):
        page = text_of(desk.get("/customers" + query))
        assert said in page and ("rests on a consent they did not give" in page) == bool(said), query


@pytest.mark.parametrize(
    ("older", "certainty", "listed"),
    [("nothing", PROBABLE, True), ("withdrawn", PROBABLE, False), ("nothing", CONFIRMED, False)],
)
def test_whoever_agreed_on_a_younger_record_is_of_the_list_as_the_gate_has_it(
    older: str, certainty: int, listed: bool
) -> None:
    [first] = admit(LIN, packs=1)
    [second] = admit({"full_name": "林婉清"}, packs=2)
    for subject in (second, first) if older == "withdrawn" else (second,):
        rights.give(subject, 4, actor=owner_actor(), kind="general", until=None, notice=None, by_subject=None)
    if older == "withdrawn":
        rights.withdraw(first, 4, actor=owner_actor())
    link(first, second, certainty)
    desk, _ = signed_in("marketing", "marketing")
    desk.post("/language", {"language": "en"})
    page = text_of(desk.get("/customers?pack=EU"))
    assert ("林**" in page) == listed and ("rests on a consent they did not give" in page) == (not listed)


@pytest.mark.parametrize(("certainty", "shown"), [(PROBABLE, "on"), (CONFIRMED, "none")])
def test_a_consent_is_shown_as_the_gate_counts_it(certainty: int, shown: str) -> None:
    first, second = admit(LIN, {"full_name": "林婉清"})
    rights.give(second, 4, actor=owner_actor(), kind="general", until=None, notice=None, by_subject=None)
    link(first, second, certainty)
    assert standing_of([first])[first].consents["marketing"] == shown
    desk, _ = signed_in("marketing", "marketing")
    assert (desk.get(f"/customers/{first}").status_code == 200) == (shown == "on")


def test_search_takes_names_in_either_script_pinyin_and_exact_values() -> None:
    from kehu.govern.slugs import CATEGORIES
    from kehu.guard.installation import installation
    from kehu.refine.clean.keys import search_keys

    [subject] = admit(LIN)
    tokens = installation().tokens
    keys = search_keys("full_name", "林婉清", "name")
    made = [tokens.search("full_name", "bigram", key) for key in keys.bigrams]
    made += [tokens.search("full_name", "pinyin", key) for key in keys.pinyin]
    made += [tokens.search("email", "exact", EMAIL), tokens.search("phone", "exact", PHONE)]
    with connection.cursor() as cursor:
        cursor.execute("update record set tokens = %s where subject = %s", [made, subject])
    assert CATEGORIES  # the dictionary's own words are in use
    desk, actor = signed_in("service", "service")
    for text in ("林婉清", "婉清", "linwanqing", "Lin Wanqing", "lwq", EMAIL.upper(), "138 0192 6721"):
        assert f"/customers/{subject}" in text_of(desk.post("/customers/search", {"text": text})), text
    for text in ("王婉清", "wang", "other@mail.example", "13800000000"):
        assert f"/customers/{subject}" not in text_of(desk.post("/customers/search", {"text": text})), text
        assert rows(human=actor.human)[0]["action"] == "find", text
    assert desk.get("/customers/search").status_code == 302


def test_a_telephone_number_is_found_as_it_is_written_at_home() -> None:
    held = {"DE": "+493012345678", "HK": "+85223456789", "TW": "+886912345678", "GB": "+442079460018"}
    here = dict(zip(held, admit(*({"full_name": name, "phone": phone} for name, phone in held.items())), strict=True))
    desk, _ = signed_in("service", "service")
    for country, texts in {
        "DE": ("030 12345678", "030/123 456 78", "0049 30 12345678", "+49 (0)30 12345678"),
        "HK": ("2345 6789", "+852-2345-6789"),
        "TW": ("0912-345-678", "０９１２３４５６７８"),
        "GB": ("020 7946 0018",),
    }.items():
        for text in texts:
            assert f"/customers/{here[country]}" in text_of(desk.post("/customers/search", {"text": text})), text


@pytest.mark.parametrize(
    "text",
    [
        "\u202d138 0192 6721\u202c", "138\u20110192\u20116721", "138–0192–6721", "tel:+86-138-0192-6721", "＋８６１３８０１９２６７２１",
        "13801926721\u200b", "lin.wanqing＠mail.example", "\ufefflin.wanqing@mail.example", "mailto:lin.wanqing@mail.example",
        "lin.wanqing@mail.example,", "lin.wanqing@mail.example。", "邮箱：lin.wanqing@mail.example", "电话：138 0192 6721", "Tel.: +8613801926721",
        "(lin.wanqing@mail.example)",
    ],
)  # fmt: skip
def test_what_is_copied_from_a_phone_or_a_page_is_found(text: str) -> None:
    [subject] = admit(LIN)
    desk, _ = signed_in("service", "service")
    assert f"/customers/{subject}" in text_of(desk.post("/customers/search", {"text": text}))


def test_pages_reach_everybody_once_in_both_directions() -> None:
    made = admit(*({"full_name": f"客户{n:03}"} for n in range(60)))
    desk, _ = signed_in("service", "service")
    seen: list[UUID] = []
    address, last = "/customers", ""
    while address:
        page, last = text_of(desk.get(address)), address
        seen += _customers(page)
        address = _link(page, "next")
    assert seen == sorted(made, reverse=True)
    back = _customers(text_of(desk.get(last)))
    while address := _link(text_of(desk.get(last)), "prev"):
        last = address
        back = _customers(text_of(desk.get(last))) + back
    assert back == seen


def test_the_record_leads_through_the_list() -> None:
    first, second, third = admit(*({"full_name": f"客户{n}"} for n in range(3)))
    desk, _ = signed_in("service", "service")
    page = text_of(desk.get(f"/customers/{second}"))
    assert _link(page, "prev").startswith(f"/customers/{third}")
    assert _link(page, "next").startswith(f"/customers/{first}")
    assert not _link(text_of(desk.get(f"/customers/{third}")), "prev")


def test_a_purpose_ends_by_itself_and_is_asked_again() -> None:
    [subject] = admit(LIN)
    desk, _ = signed_in("service", "service")
    with connection.cursor() as cursor:
        cursor.execute("update actor_state set expires_at = clock_timestamp() where purpose is not null")
    answer = desk.get(f"/customers/{subject}")
    assert (answer.status_code, answer["Location"]) == (302, f"/purpose?next=%2Fcustomers%2F{subject}")
    fragment = desk.post(f"/customers/{subject}/show", {"field": "phone"}, headers={"HX-Request": "true"})
    assert (fragment.status_code, fragment["HX-Redirect"]) == (204, "/purpose")


def test_a_purpose_of_another_role_cannot_be_claimed() -> None:
    desk, _ = signed_in("service")
    answer = desk.post("/purpose", {"purpose": "marketing"})
    assert answer.status_code == 403
    assert desk.get("/customers").status_code == 302


def test_signing_out_ends_credentials_in_the_database() -> None:
    [subject] = admit(LIN)
    desk, _ = signed_in("service", "service")
    kept = desk.cookies["kehu_session"].value
    answer = desk.post("/sign-out")
    assert '"cache"' in answer["Clear-Site-Data"]
    assert not Session.objects.exists()
    thief = browser()
    thief.cookies["kehu_session"] = kept
    assert thief.get(f"/customers/{subject}")["Location"].startswith("/sign-in")
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from actor_state where expires_at is not null and revoked_at is null")
        assert cursor.fetchone()[0] == 0


def test_sessions_hold_ids_only_and_addresses_no_value() -> None:
    [subject] = admit(LIN)
    desk, _ = signed_in("service", "service")
    answers = [
        desk.get("/customers"),
        desk.post("/customers/search", {"text": EMAIL}),
        desk.post(f"/customers/{subject}/show", {"field": "email"}),
        desk.post(f"/customers/{subject}/consent", {"purpose": "marketing"}),
    ]
    for held in Session.objects.all():
        for name, value in held.get_decoded().items():
            assert name in ("sign_in", "claim")
            UUID(value)
    for answer in answers:
        assert EMAIL not in answer.get("Location", "")
        assert all(EMAIL not in morsel.value for morsel in answer.cookies.values())


def test_the_ledger_down_closes_every_page(database: Database) -> None:
    [subject] = admit(LIN)
    desk, _ = signed_in("service", "service")
    with open_owner(database) as owner:
        owner.execute("revoke insert on ledger_entry from kehu_app")
        owner.execute(
            "revoke insert (entry, actor, human, department, purpose, action, decision, detail, subjects, jurisdictions,"
            " reach, commitments, mac) on ledger_entry from kehu_app"
        )
    for answer in (
        desk.get("/customers"),
        desk.get(f"/customers/{subject}"),
        desk.post(f"/customers/{subject}/show", {"field": "phone"}),
    ):
        assert answer.status_code == 503
        assert "林" not in text_of(answer)
        assert "6721" not in text_of(answer)


def test_ones_own_rows_for_all_everybodys_for_the_auditor() -> None:
    [subject] = admit(LIN)
    service, _ = signed_in("service", "service")
    service.get(f"/customers/{subject}")
    other, _ = signed_in("manager", "service")
    assert "客户服务" in text_of(service.get("/ledger"))
    assert "service-" not in text_of(other.get("/ledger"))
    auditor, _ = signed_in("auditor")
    auditor.post("/language", {"language": "en"})
    page = text_of(auditor.get(f"/ledger?customer={subject}"))
    assert "service-" in page
    assert "Opened" in page
    verdict = text_of(auditor.post("/ledger/verify", headers={"HX-Request": "true"}))
    assert "Whole: nothing was changed" in verdict
    seq = rows(subject=subject)[0]["seq"]
    proof = auditor.get(f"/ledger/{seq}/proof")
    assert proof["Content-Disposition"] == f'attachment; filename="ledger-row-{seq}.json"'
    assert {"leaf", "index", "size", "path", "checkpoint"} <= set(json.loads(proof.content))


def test_wrong_passwords_say_one_thing_and_lock_out_nobody_else() -> None:
    _, account = add_staff(email="zhou@kehu.example", role="service", department=None, attest=True)
    good, bad = ({"email": account.email, "password": word} for word in (account.password, "wrong-password"))
    known, stranger = browser(), browser(REMOTE_ADDR="203.0.113.9")
    assert known.post("/sign-in", good).status_code == 302
    unknown = stranger.post("/sign-in", {"email": "nobody@kehu.example", "password": "x"})
    first = stranger.post("/sign-in", bad)
    assert (unknown.status_code, first.status_code) == (401, 401)
    assert _error(text_of(unknown)) == _error(text_of(first))
    for _ in range(4):
        stranger.post("/sign-in", bad)
    assert stranger.post("/sign-in", good).status_code == 429  # this place is looked at no more for a while
    assert browser(REMOTE_ADDR="203.0.113.10").post("/sign-in", good).status_code == 302
    same_place = browser(REMOTE_ADDR="203.0.113.9")
    same_place.cookies = known.cookies  # the person's own desk, even from the attacker's address
    assert same_place.post("/sign-in", good).status_code == 302
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from sign_in_failure where octet_length(key) <> 32")
        assert cursor.fetchone()[0] == 0


def test_next_leads_nowhere_else() -> None:
    _, account = add_staff(email="zhou@kehu.example", role="service", department=None, attest=True)
    for wanted in ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"):
        answer = browser().post("/sign-in", {"email": account.email, "password": account.password, "next": wanted})
        assert answer["Location"] == "/purpose", wanted


def _customers(page: str) -> list[UUID]:
    import re

    return [UUID(found) for found in re.findall(r'<a href="/customers/([0-9a-f-]{36})', page)]


def _link(page: str, rel: str) -> str:
    import re

    found = re.search(rf'href="([^"]*)" rel="{rel}"', page)
    if found is None:
        return ""
    parts = urlsplit(found[1].replace("&amp;", "&"))
    assert set(parse_qs(parts.query)) <= {"after", "before", "consent", "kind", "pack", "stale"}
    return (parts.path or "/customers") + "?" + parts.query


def _error(page: str) -> str:
    return page[page.index('id="wrong"') :][:400]


def test_the_list_is_narrowed_down_to_whom_nobody_heard_of_for_long() -> None:
    fresh, old, older = admit(*({"full_name": f"客户{n}"} for n in range(3)))
    with connection.cursor() as cursor:
        cursor.execute("update record set said_at = now() - interval '2 years' where subject in (%s, %s)", [old, older])
    desk, _ = signed_in("service", "service")
    found = {months: _customers(text_of(desk.get(f"/customers?stale={months}"))) for months in (12, 36, "x")}
    assert (found[12], found[36], set(found["x"])) == ([older, old], [], {fresh, old, older})


def test_a_rare_filter_is_looked_for_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    from kehu.serve.desk import listing

    monkeypatch.setattr(listing, "_SCANNED", 4)
    rare, *_ = admit(*({"full_name": f"客户{n}"} for n in range(9)))
    with connection.cursor() as cursor:
        cursor.execute("update subject_state set kind = 2 where subject = %s", [rare])
    desk, _ = signed_in("service", "service")
    address, seen, steps = "/customers?kind=organisation", list[UUID](), 0
    while address:
        page, steps = text_of(desk.get(address)), steps + 1
        seen += _customers(page)
        address = _link(page, "next")
    assert (seen, steps) == ([rare], 3)


def test_a_report_of_death_that_was_wrong_is_lifted() -> None:
    [lin] = admit(LIN)
    desk, _ = signed_in("privacy", "rights-request")
    rights.enter_state(lin, "deceased", actor=owner_actor(), act="deceased")
    assert 'value="deceased"' in desk.get(f"/customers/{lin}").content.decode()
    asked = {"kind": "deceased", "do": "lift"}
    assert "done=death-lifted" in desk.post(reverse("customer-state", args=[lin]), asked)["Location"]
    assert 'value="deceased"' not in desk.get(f"/customers/{lin}").content.decode()
    assert rights.states(lin) == []
    assert desk.post(reverse("customer-state", args=[lin]), asked | {"do": "enter"}).status_code == 400


def test_a_restriction_and_an_objection_are_lifted_with_a_reason_once_the_customer_was_told(letters) -> None:
    [lin] = admit(LIN)
    desk, _ = signed_in("privacy", "rights-request")
    rights.enter_state(lin, "restriction", actor=owner_actor(), act="restrict")
    rights.enter_state(lin, "objection", actor=owner_actor(), act="object", purpose=PURPOSES["marketing"])
    page = desk.get(f"/customers/{lin}").content.decode()
    assert 'id="why-restriction"' in page and 'id="why-objection"' in page
    address, asked = reverse("customer-state", args=[lin]), {"do": "lift", "reason": "it is right", "told": "email"}
    restriction, objection = asked | {"kind": "restriction"}, asked | {"kind": "objection", "purpose": "marketing"}
    assert "done=lift-without-reason" in desk.post(address, restriction | {"reason": ""})["Location"]
    assert len(rights.states(lin)) == 2 and letters == []
    assert "done=restriction-lifted" in desk.post(address, restriction)["Location"] and len(letters) == 1
    assert "done=objection-lifted" in desk.post(address, objection | {"told": "post"})["Location"] and len(letters) == 1
    assert rights.states(lin) == []
    rights.enter_state(lin, "restriction", actor=owner_actor(), act="restrict")
    with override_settings(
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend", EMAIL_HOST="127.0.0.1", EMAIL_PORT=9
    ):
        assert "done=not-told" in desk.post(address, restriction)["Location"] and len(rights.states(lin)) == 1


def test_a_request_of_somebody_erased_is_closed_without_a_text_and_the_page_says_so() -> None:
    [lin] = admit(LIN)
    desk, who = signed_in("privacy")
    asked = requests.open_request(subject=lin, right="erase", actor=who)
    erase(lin, actor=owner_actor(), reason="asked")
    answer, said = reverse("request-step", args=[asked, "answer"]), {"outcome": "done", "text": "All is gone."}
    page = desk.get(reverse("request", args=[asked])).content.decode()
    assert 'id="answer"' not in page and 'id="outcome"' in page
    refused = desk.post(answer, said, headers={"accept-language": "en"})
    assert refused.status_code == 422 and "The person was erased" in text_of(refused)
    assert desk.post(answer, {"outcome": "done"}).status_code == 302
