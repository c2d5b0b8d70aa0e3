"""The account pages: every address × who comes, the second factor by forms without script, windows that end."""

from __future__ import annotations

import hashlib
import json
import re
import time
import uuid
from contextlib import suppress
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.test import override_settings
from django.urls import NoReverseMatch, reverse
from fido2.utils import websafe_encode

from kehu.doors.web import middleware
from kehu.doors.web.account.urls import urlpatterns
from kehu.doors.web.entrance import SIGN_IN
from kehu.guard.gate.acts import Refused
from kehu.guard.staff import step_up
from kehu.guard.staff.actions import actor_of, add_staff, confirm_second_factor, owner_actor
from kehu.guard.staff.joining import make_link
from kehu.guard.staff.models import Staff
from kehu.guard.staff.passwords import change_password
from kehu.guard.staff.recovery import new_codes
from kehu.guard.staff.second_factor import code_now, enrol
from kehu.guard.staff.sign_ins import Visit, sign_in
from kehu.guard.staff.sign_ins import signed_in as who_is_in
from kehu.guard.staff.step_up import compulsory
from kehu.guard.staff.tries import TooManyTries
from kehu.serve.rights.erasing.erasure import erase
from tests.cast import admit
from tests.doors.web.browsing import browser, misfits, signed_in, text_of
from tests.races import beside, somebody_waits, until

ROLES = ("service", "marketing", "manager", "analyst", "privacy", "legal", "auditor", "engineer")
# name of the address -> (path, method, status in a whole sign-in, in one that waits for its first factor)
TABLE = {
    "account-security": ("/account/security", "get", 200, "/account/confirm?next=%2Faccount%2Fsecurity"),
    "account-sessions-end": ("/account/sessions/end", "post", 302, "/account/confirm"),
    "account-confirm": ("/account/confirm", "get", 302, "/account/authenticator"),
    "account-authenticator": ("/account/authenticator", "get", 200, 200),
    "account-codes": ("/account/codes", "post", 302, 302),
    "account-passkeys": ("/account/passkeys", "post", 302, "/account/authenticator"),
    "account-passkey-options": ("/account/passkeys/options", "post", 200, 200),
    "account-factor-remove": ("/account/factors/remove", "post", 302, 302),
    "account-password": ("/account/password/unknown", "get", 404, 404),
    "account-own-password": ("/account/password", "get", 200, "/account/confirm?next=%2Faccount%2Fpassword"),
    "account-provider": ("/account/provider", "get", 302, "/account/confirm"),
    "sign-on": ("/sign-in/provider", "get", 404, 404),  # no provider is set up
    "sign-on-return": ("/sign-in/provider/return", "get", 404, 404),
    "sign-on-logout": ("/sign-in/provider/logout", "post", 404, 404),
}
# those that not everybody may open, with the roles that may
LOOKED_AFTER = {
    "account-people": ("/account/people", "get", {"manager", "privacy"}, 200, 403),
    "account-link": (f"/account/people/{uuid.UUID(int=7)}/link", "post", {"manager", "privacy"}, 404, 403),
    "account-allow": (f"/account/people/{uuid.UUID(int=7)}/sign-on", "post", {"privacy"}, 404, 403),
}
OPEN = {"account-password", "sign-on", "sign-on-return", "sign-on-logout"}  # to whoever comes, where there is anything
NOW = {"SECOND_FACTOR_FROM": ""}


def _new(role: str = "service") -> tuple[dict[str, str], Staff]:
    made, account = add_staff(
        email=f"{role}-{uuid.uuid4().hex[:6]}@kehu.example", role=role, department=None, attest=True
    )
    return {"email": account.email, "password": account.password}, made


def _secret(page: object) -> str:
    return re.search(r"<code>([A-Z2-7 ]+)</code>", text_of(page))[1].replace(" ", "")


def _enrolled(role: str = "service") -> tuple[object, dict[str, str], Staff, str, list[str]]:
    """Somebody who came in and made their first factor: window, sign-in, account, secret, recovery codes."""
    account, staff = _new(role)
    desk = browser()
    assert desk.post("/sign-in", account)["Location"] == "/purpose"
    secret = _secret(desk.get("/account/authenticator"))
    shown = desk.post("/account/authenticator", {"code": code_now(secret)})
    codes = re.findall(r"<li><code>([a-z2-7-]{19})</code>", text_of(shown))
    return desk, account, staff, secret, codes


def _passkey(staff: uuid.UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into staff_passkey (id, staff, public_key, name) values ('\\x01', %s, '\\x01', 'key')", [staff]
        )


def _later(staff: Staff, minutes: int = 11) -> None:
    """Some time goes by: the confirmation is older, and the next code may be shown."""
    with connection.cursor() as cursor:
        cursor.execute(
            "update actor_state set second_factor_at = second_factor_at - make_interval(mins => %s) where staff = %s",
            [minutes, staff.id],
        )
        cursor.execute("update guard_staff set totp_step = 0 where id = %s", [staff.id])


def test_every_address_is_in_the_table() -> None:
    assert {pattern.name for pattern in urlpatterns} == set(TABLE) | set(LOOKED_AFTER)


def test_each_sign_in_is_offered_a_secret_of_its_own(database):
    account, _ = _new()
    desks = [browser(), browser()]
    for desk in desks:
        desk.post("/sign-in", account)
    before, mine = (_secret(desk.get("/account/authenticator")) for desk in desks)
    assert before != mine == _secret(desks[1].get("/account/authenticator"))
    assert desks[0].post("/account/authenticator", {"code": code_now(before)}).status_code == 422
    mine = _secret(desks[1].get("/account/authenticator"))  # the other page voided it, and shows another one
    assert desks[1].post("/account/authenticator", {"code": code_now(mine)}).status_code == 200


def test_each_role_gets_what_the_table_says(database):
    wrong = []
    for role in ROLES:
        desk, _ = signed_in(role)
        wrong += misfits(
            {name: (path, method, ROLES, whole, whole) for name, (path, method, whole, _) in TABLE.items()}, role, desk
        )
        wrong += misfits(LOOKED_AFTER, role, desk)
    assert wrong == []


@override_settings(**NOW)
def test_while_the_first_factor_is_asked_for_nothing_else_opens(database):
    account, _ = _new()
    desk = browser()
    desk.post("/sign-in", account)
    for path, method, _, waits in TABLE.values():
        answer = getattr(desk, method)(path)
        if isinstance(waits, str):
            assert (answer.status_code, answer["Location"]) == (302, waits), path
        else:
            assert answer.status_code == waits, path
    for path in ("/customers", "/me", "/ledger", "/purpose", "/access", "/imports"):
        assert desk.get(path)["Location"].startswith("/account/confirm"), path


def test_nobody_else_gets_anything(database):
    for name, (path, method, *_) in (TABLE | LOOKED_AFTER).items():
        answer = getattr(browser(), method)(path)
        if name in OPEN:
            assert answer.status_code == 404, path
        else:
            assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/sign-in"), path


@override_settings(**NOW)
def test_the_first_factor_is_made_on_the_way_in(database):
    desk, account, staff, secret, codes = _enrolled()
    assert len(codes) == 10
    assert desk.get("/purpose").status_code == 200
    # a password alone lets nobody in from now on, and only a fresh code goes on
    other = browser()
    other.post("/sign-in", account)
    assert other.get("/customers")["Location"] == "/account/confirm?next=%2Fcustomers"
    assert other.post("/account/confirm", {"code": "000000"}).status_code == 401
    assert other.get("/me")["Location"].startswith("/account/confirm")
    _later(staff)
    assert other.post("/account/confirm", {"code": code_now(secret), "next": "/me"})["Location"] == "/me"
    assert other.get("/me").status_code == 200


@override_settings(**NOW)
def test_a_recovery_code_is_good_once(database):
    _, account, _, _, codes = _enrolled()
    first, second = browser(), browser()
    for desk in (first, second):
        desk.post("/sign-in", account)
    assert first.post("/account/confirm", {"code": codes[0].upper()}).status_code == 302
    assert first.get("/me").status_code == 200
    assert second.post("/account/confirm", {"code": codes[0]}).status_code == 401
    with connection.cursor() as cursor:
        cursor.execute("select digest from staff_recovery_code")
        held = b"".join(bytes(row[0]) for row in cursor.fetchall())
    assert not any(code.replace("-", "").encode() in held for code in codes)


@pytest.mark.parametrize("day", ["", "2099-01-01"], ids=["compulsory", "not yet"])
def test_whoever_had_the_password_first_has_no_recovery_codes_later(database, day):
    with override_settings(SECOND_FACTOR_FROM=day):
        account, _ = _new()
        thief, owner = browser(), browser()
        for desk in (thief, owner):
            desk.post("/sign-in", account)
        made = thief.post("/account/codes")
        assert made.status_code == 302 and "<li><code>" not in text_of(made)
        secret = _secret(owner.get("/account/authenticator"))
        shown = text_of(owner.post("/account/authenticator", {"code": code_now(secret)}))
        assert shown.count("<li><code>") == 10  # and whoever makes the first factor is shown theirs


def test_codes_of_before_the_first_factor_are_void(database):
    account, staff = _new()
    [old, *_] = new_codes(staff.id)  # as an older version gave them out
    desk = browser()
    desk.post("/sign-in", account)
    secret = _secret(desk.get("/account/authenticator"))
    assert text_of(desk.post("/account/authenticator", {"code": code_now(secret)})).count("<li><code>") == 10
    other = browser()
    other.post("/sign-in", account)
    assert other.post("/account/confirm", {"code": old}).status_code == 401


@pytest.mark.parametrize("by", ["authenticator", "passkey"])
def test_the_first_factor_ends_what_a_password_alone_had_opened(database, monkeypatch, by):
    """While the duty is put off: the window that made it goes on, one that the provider's factor opened, too."""
    account, staff = _new()
    desk, other, shown = browser(), browser(), browser()
    for one in (desk, other, shown):
        one.post("/sign-in", account)
        one.post("/purpose", {"purpose": "service"})
    with connection.cursor() as cursor:
        cursor.execute(
            "update actor_state set second_factor_at = clock_timestamp() where actor = %s", [shown.session[SIGN_IN]]
        )
    if by == "passkey":
        monkeypatch.setattr(step_up.passkeys, "add_passkey", lambda credential, staff, *_, **__: _passkey(staff))
        assert desk.post("/account/passkeys", {"passkey": "made"}).status_code == 200
    else:
        secret = _secret(desk.get("/account/authenticator"))
        assert desk.post("/account/authenticator", {"code": code_now(secret)}).status_code == 200
    assert other.get("/me")["Location"].startswith("/sign-in")
    assert desk.get("/me").status_code == shown.get("/me").status_code == 200
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*), count(revoked_at) from actor_state where staff = %s and purpose is not null", [staff.id]
        )
        assert cursor.fetchone() == (3, 1)


def test_a_sign_in_at_the_moment_of_the_first_factor_waits_for_it(database):
    account, staff = _new()
    before, _ = sign_in(account["email"], account["password"], Visit("203.0.113.9"))
    opened: list[object] = []
    with transaction.atomic():
        Staff.objects.select_for_update().get(id=staff.id)
        thread, _ = beside(lambda: opened.extend(sign_in(account["email"], account["password"], Visit("203.0.113.66"))))
        until(somebody_waits)
        _passkey(staff.id)
    thread.join()
    assert who_is_in(opened[0], None) is None and who_is_in(before, None) is not None


@override_settings(**NOW)
def test_a_waiting_sign_in_is_worth_nothing_to_the_guard(database):
    account, _ = _new()
    credential, _ = sign_in(account["email"], account["password"], Visit("203.0.113.9"))
    assert who_is_in(credential, None) is None
    with connection.cursor() as cursor:
        cursor.execute("select active from actor_state where actor = %s", [credential])
        assert cursor.fetchone() == (False,)


def test_as_many_tries_at_once_are_looked_at_as_one_after_another(database, monkeypatch):
    """Passwords at the door, codes after it and the password that is to be replaced: twelve at one moment."""
    account, staff = _new()
    enrol(staff)
    fresh, _ = sign_in(account["email"], account["password"], Visit("203.0.113.9"))
    waits = step_up.waiting(fresh)
    person = who_is_in(signed_in("privacy")[0].session[SIGN_IN], None)
    slowly, code_slowly = Staff.check_password, step_up.check_code
    looked: list[str] = []

    def look(*given: object, **more: object) -> bool:
        looked.append("a try")
        time.sleep(0.3)
        return slowly(*given, **more)

    def look_at_code(*given: object, **more: object) -> None:
        looked.append("a try")
        time.sleep(0.3)
        code_slowly(*given, **more)

    monkeypatch.setattr(Staff, "check_password", look)
    monkeypatch.setattr(step_up, "check_code", look_at_code)
    for attempt in (
        lambda: sign_in(account["email"], "wrong", Visit("203.0.113.9")),
        lambda: step_up.confirm_code(waits, "000000"),
        lambda: change_password(person, "wrong", "another good one of mine"),
    ):
        looked.clear()
        tried = [beside(attempt) for _ in range(12)]
        for thread, _ in tried:
            thread.join()
        assert len(looked) == 5
        assert sum(isinstance(wrong[0], TooManyTries) for _, wrong in tried) == 7
    # of right ones none stays counted
    monkeypatch.undo()
    for _ in range(12):
        sign_in(account["email"], account["password"], Visit("203.0.113.10"))
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from sign_in_failure")
        assert cursor.fetchone() == (20,)  # a wrong code counts at its place and at all places unknown


@override_settings(**NOW)
def test_wrong_codes_are_counted_without_locking_others_out(database):
    desk, account, staff, secret, _ = _enrolled()
    thief = browser(REMOTE_ADDR="203.0.113.66")
    thief.post("/sign-in", account)
    for _ in range(5):
        assert thief.post("/account/confirm", {"code": "000000"}).status_code == 401
    _later(staff)
    assert thief.post("/account/confirm", {"code": code_now(secret)}).status_code == 429
    # signing in again from there does not begin the count anew
    thief.post("/sign-in", account)
    assert thief.post("/account/confirm", {"code": code_now(secret)}).status_code == 429
    # whoever is in confirms as before, and comes in from elsewhere
    assert desk.post("/account/confirm", {"code": code_now(secret)}).status_code == 302
    _later(staff)
    elsewhere = browser(REMOTE_ADDR="203.0.113.10")
    elsewhere.post("/sign-in", account)
    assert elsewhere.post("/account/confirm", {"code": code_now(secret)}).status_code == 302


@override_settings(**NOW)
def test_changes_of_factors_ask_for_the_factor_first(database):
    desk, _, staff, secret, _ = _enrolled()
    assert desk.post("/account/codes").status_code == 200
    _later(staff)
    assert desk.get("/account/authenticator")["Location"] == "/account/confirm?next=%2Faccount%2Fauthenticator"
    for path, data in (("/account/codes", {}), ("/account/passkeys", {}), ("/account/factors/remove", {})):
        assert desk.post(path, data)["Location"] == "/account/confirm?next=%2Faccount%2Fsecurity", path
    assert desk.post("/account/passkeys/options", {"for": "new"}).status_code == 403
    back = desk.post("/account/confirm", {"code": code_now(secret), "next": "/account/security"})
    assert back["Location"] == "/account/security"
    # the last one of a role that may not be without stays
    assert desk.post("/account/factors/remove")["Location"] == "/account/security?done=last-factor"
    assert Staff.objects.get(id=staff.id).totp is not None


def test_a_session_idles_out_and_is_ended_from_another(database):
    account, staff = _new()
    one, two = (
        browser(HTTP_USER_AGENT="Mozilla/5.0 (Windows NT 10.0) Firefox/140.0"),
        browser(REMOTE_ADDR="203.0.113.7"),
    )
    for desk in (one, two):
        desk.post("/sign-in", account)
    page = text_of(two.get("/account/security"))
    assert "Firefox · Windows" in page and "203.0.113.0/24" in page and "203.0.113.7" not in page
    assert two.post("/account/sessions/end", {"session": "others"})["Location"] == "/account/security?done=ended"
    assert one.get("/me")["Location"].startswith("/sign-in") and two.get("/me").status_code == 200
    with connection.cursor() as cursor:
        cursor.execute(
            "update staff_session set seen_at = seen_at - interval '29 minutes' where staff = %s", [staff.id]
        )
    assert two.get("/me").status_code == 200  # and that counts as seen
    with connection.cursor() as cursor:
        cursor.execute(
            "update staff_session set seen_at = seen_at - interval '31 minutes' where staff = %s", [staff.id]
        )
    for path in ("/me", "/account/confirm", "/account/security"):
        assert two.get(path)["Location"].startswith("/sign-in"), path


def _asked_by_pages() -> set[str]:
    """Names of the addresses that pages fetch again and again by themselves."""
    polls = re.compile(r"hx-get=\"{% url '([\w-]+)'[^\"]*\" hx-trigger=\"every")
    pages = Path(middleware.__file__).parent.rglob("*.html")
    return {name for one in pages for name in polls.findall(one.read_text(encoding="utf-8"))} | {"counter-mark"}


def test_what_a_page_asks_by_itself_keeps_no_window_open(database):
    account, staff = _new()
    desk, names = browser(), _asked_by_pages()
    desk.post("/sign-in", account)
    assert {"export-progress", "quality-progress", "classify-progress"} < names
    for name in sorted(names):
        with connection.cursor() as cursor:
            cursor.execute(
                "update staff_session set seen_at = clock_timestamp() - interval '29 minutes' where staff = %s",
                [staff.id],
            )
            path = f"/{name}"
            for args in ([], [uuid.uuid4()]):
                with suppress(NoReverseMatch):
                    path = reverse(name, args=args)
            assert not desk.get(path).get("Location", "").startswith("/sign-in"), name
            cursor.execute(
                "select seen_at < clock_timestamp() - interval '28 minutes' from staff_session where staff = %s",
                [staff.id],
            )
            assert cursor.fetchone() == (True,), name
    assert desk.get("/me").status_code == 200


@pytest.mark.parametrize("made", [b"\xa3", b"\xa1\x19", b"\x81" * 100_000, None], ids=["cut", "half", "deep", "nested"])
def test_what_no_browser_answers_is_no_passkey(database, made):
    desk, _ = signed_in("service")
    told = desk.post("/account/passkeys/options", {"for": "new"}).json()
    said = {"type": "webauthn.create", "challenge": told["publicKey"]["challenge"], "origin": "http://localhost"}
    response = {
        "clientDataJSON": websafe_encode(json.dumps(said).encode()),
        "attestationObject": websafe_encode(made or b""),
    }
    answer = json.dumps({"id": "AA", "rawId": "AA", "type": "public-key", "response": response})
    sent = desk.post("/account/passkeys", {"passkey": answer if made else "[" * 200_000, "name": "x"})
    assert sent["Location"].endswith("?done=passkey-refused")


def test_nobody_ends_another_persons_session(database):
    mine, _ = signed_in("service")
    account, staff = _new()
    other = browser()
    other.post("/sign-in", account)
    with connection.cursor() as cursor:
        cursor.execute("select credential from staff_session where staff = %s", [staff.id])
        [credential] = cursor.fetchone()
    mine.post("/account/sessions/end", {"session": str(credential)})
    assert other.get("/me").status_code == 200


@pytest.mark.parametrize(
    "change",
    ["is_active = false", "role = 'legal'", "department_id = (select id from guard_department where slug = 'legal')"],
)
def test_leaving_or_another_post_ends_every_session_at_once(database, change):
    signed_in("legal")  # another department
    account, staff = _new()
    desk = browser()
    desk.post("/sign-in", account)
    desk.post("/purpose", {"purpose": "service"})
    assert desk.get("/customers").status_code == 200
    with connection.cursor() as cursor:
        cursor.execute(f"update guard_staff set {change} where id = %s", [staff.id])
        cursor.execute(
            "select count(*) from actor_state where staff = %s and revoked_at is null and actor <> staff", [staff.id]
        )
        assert cursor.fetchone() == (0,)
    assert desk.get("/customers")["Location"].startswith("/sign-in")
    assert actor_of(account["email"]).staff == staff.id


def test_a_new_password_by_a_link_good_once(database, tmp_path):
    account, staff = _new()
    desk = browser()
    desk.post("/sign-in", account)
    old, _ = make_link(staff.id, actor=owner_actor())
    secret, _ = make_link(staff.id, actor=owner_actor())
    assert browser().get(f"/account/password/{old}").status_code == 404  # a newer one was made
    link = f"/account/password/{secret}"
    words = ["correct-horse-battery-1", *(f"filler number {number}" for number in range(500))]
    lines = sorted(hashlib.sha1(word.encode()).hexdigest().upper() + ":3" for word in words)
    (tmp_path / "list").write_text("\r\n".join(lines) + "\r\n")
    with override_settings(BREACHED_PASSWORDS=str(tmp_path / "list")):
        for weak in ("short", "password1234", account["email"], *words):
            answer = browser().post(link, {"password": weak, "again": weak})
            assert answer.status_code == 422, weak
        good = "violet-tram-9-umbrella"
        assert browser().post(link, {"password": good, "again": "another"}).status_code == 422
        assert browser().post(link, {"password": good, "again": good})["Location"] == "/sign-in?done=password"
    assert browser().post(link, {"password": good, "again": good}).status_code == 404
    assert desk.get("/me")["Location"].startswith("/sign-in")
    assert browser().post("/sign-in", account).status_code == 401
    assert browser().post("/sign-in", account | {"password": good}).status_code == 302


def test_who_may_not_be_without_a_second_factor(database):
    assert {role for role in ROLES if compulsory(role)} >= {"service", "privacy", "legal", "manager"}
    assert not compulsory("engineer")


@override_settings(**NOW)
def test_the_setting_says_from_when(database):
    account, _ = _new()
    with override_settings(SECOND_FACTOR_FROM=time.strftime("%Y-%m-%d", time.gmtime(time.time() + 2 * 86400))):
        assert browser().post("/sign-in", account).status_code == 302
        desk = browser()
        desk.post("/sign-in", account)
        assert desk.get("/me").status_code == 200
    desk = browser()
    desk.post("/sign-in", account)
    assert desk.get("/me")["Location"].startswith("/account/confirm")


@override_settings(**NOW)
def test_what_is_sensitive_asks_for_the_factor_and_leads_back(database):
    [subject] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    desk, _, staff, secret, _ = _enrolled()
    desk.post("/purpose", {"purpose": "service"})
    show = {"path": f"/customers/{subject}/show", "data": {"field": "email"}}
    assert "lin@mail.example" in text_of(desk.post(**show))
    _later(staff)
    away = desk.post(**show)
    assert away["Location"] == f"/account/confirm?next=%2Fcustomers%2F{subject}"
    told = desk.post(**show, HTTP_HX_REQUEST="true")
    assert told["HX-Redirect"] == away["Location"] and "lin@mail.example" not in text_of(told)
    back = desk.post("/account/confirm", {"code": code_now(secret), "next": f"/customers/{subject}"})
    assert back["Location"] == f"/customers/{subject}"
    assert "lin@mail.example" in text_of(desk.post(**show))
    _later(staff)
    assert desk.post("/exports/ask", {}, HTTP_REFERER="http://localhost/exports")["Location"].endswith(
        "next=%2Fexports"
    )


@override_settings(**NOW)
def test_a_confirmation_reaches_the_purpose_claimed_before_it(database):
    desk, _, staff, secret, _ = _enrolled("privacy")
    desk.post("/purpose", {"purpose": "rights-request"})
    _later(staff)
    lately = "select second_factor_at > now() - interval '10 minutes' from actor_state where staff = %s and purpose is not null"
    with connection.cursor() as cursor:
        cursor.execute(lately, [staff.id])
        assert cursor.fetchone() == (False,)
        desk.post("/account/confirm", {"code": code_now(secret)})
        cursor.execute(lately, [staff.id])
        assert cursor.fetchone() == (True,)


def test_an_erasure_asks_for_the_factor_of_whoever_has_one(database):
    [subject] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    _, staff = _new("privacy")
    enrol(staff)
    office = actor_of(staff.email)
    with pytest.raises(Refused) as refused:
        erase(subject, actor=office, reason="asked")
    assert refused.value.policy == "house.step-up"
    confirm_second_factor(office.credential)
    assert erase(subject, actor=office, reason="asked")
