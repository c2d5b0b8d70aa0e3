"""One's own password, links made from above, mail on what opens an account, and how long a new house does without a factor."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from types import SimpleNamespace

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import override_settings

from kehu.govern.slugs import ACTIONS, LANGUAGES
from kehu.guard.gate.acts import ActRefused, Refused
from kehu.guard.staff import joining, notices, sign_ins, step_up
from kehu.guard.staff.actions import (
    actor_of,
    add_staff,
    confirm_second_factor,
    issue_token,
    owner_actor,
    renew_password,
)
from kehu.guard.staff.grace import LONGEST, check_grace, grace_ends
from kehu.guard.staff.models import Staff
from kehu.guard.staff.passwords import check_breached
from kehu.guard.staff.second_factor import code_now, enrol
from kehu.guard.staff.sign_ins import Visit, sign_in
from kehu.guard.staff.sign_on import allow_sign_on
from kehu.host import jobs
from tests.doors.web.browsing import browser, signed_in, text_of
from tests.smtp import serving

GOOD = "violet-tram-9-umbrella"
LOWER = ("marketing", "service", "analyst", "engineer")


def account(role="service", department=None):
    email = f"{role}-{uuid.uuid4().hex[:6]}@kehu.example"
    staff, made = add_staff(email=email, role=role, department=department, attest=True)
    return SimpleNamespace(email=made.email, password=made.password, staff=staff.id, actor=actor_of(email))


def window(person, **more):
    desk = browser(**more)
    assert desk.post("/sign-in", {"email": person.email, "password": person.password}).status_code == 302
    return desk


def change(desk, current, new, again=None):
    return desk.post(
        "/account/password", {"current": current, "password": new, "again": new if again is None else again}
    )


def told():
    with connection.cursor() as cursor:
        cursor.execute(
            "select args->>'what' from procrastinate_jobs where task_name = 'guard:tell_of_account' order by id"
        )
        return [row[0] for row in cursor.fetchall()]


# --- one's own password


def test_ones_own_password_and_every_other_window_and_token_ends(database):
    person = account()
    here, there = window(person), window(person, REMOTE_ADDR="203.0.113.9")
    here.post("/purpose", {"purpose": "service"})
    issue_token(email=person.email, purpose="service", minutes=60)
    before = here.session.session_key
    answer = change(here, person.password, GOOD)
    assert answer["Location"] == "/account/security?done=password"
    page = text_of(here.get(answer["Location"]))
    assert 'role="status"' in page and here.session.session_key != before
    assert here.get("/customers")["Location"].startswith("/purpose")  # the purpose claimed ended, too
    assert there.get("/me")["Location"].startswith("/sign-in")
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*), count(*) filter (where purpose is not null) from actor_state where staff = %s"
            " and revoked_at is null and actor <> staff",
            [person.staff],
        )
        assert cursor.fetchone() == (1, 0)
    assert browser().post("/sign-in", {"email": person.email, "password": person.password}).status_code == 401
    assert browser().post("/sign-in", {"email": person.email, "password": GOOD}).status_code == 302
    assert told() == ["token-issued", "password-changed"]


def test_a_sign_in_that_meets_a_new_password_does_not_outlive_the_old_one(database, monkeypatch):
    held, made = add_staff(email="li@shop.example", role="service", department=None, attest=True)

    def meanwhile(counted):  # the old one was right a moment ago
        other = Staff.objects.get(id=held.id)
        other.set_password("quite another long one 1")
        other.save(update_fields=["password"])

    monkeypatch.setattr(sign_ins, "forget_tries", meanwhile)
    with pytest.raises(sign_ins.SignInRefused):
        sign_in(held.email, made.password, Visit("192.0.2.1"))
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from staff_session where staff = %s", [held.id])
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize("way", ["by themselves", "by the owner"])
def test_another_password_voids_the_link_that_somebody_made(database, way):
    person = account()
    secret, _ = joining.make_link(person.staff, actor=owner_actor())
    if way == "by themselves":
        assert change(window(person), person.password, GOOD).status_code == 302
    else:
        renew_password(person.email)
    answer = browser().post(
        f"/account/password/{secret}", {"password": "tulip-radio-7-anchor", "again": "tulip-radio-7-anchor"}
    )
    assert answer.status_code == 404 and not joining.people(actor=owner_actor())[0].link_until


def test_a_password_that_is_not_taken_and_one_that_is_not_theirs(database, tmp_path):
    person = account()
    desk = window(person)
    (tmp_path / "list").write_text(hashlib.sha1(b"correct-horse-battery-1").hexdigest().upper() + ":3\n")
    with override_settings(BREACHED_PASSWORDS=str(tmp_path / "list")):
        for weak in ("short", "password1234", person.email, "correct-horse-battery-1", person.password):
            answer = change(desk, person.password, weak)
            assert answer.status_code == 422 and 'role="alert"' in text_of(answer), weak
    assert change(desk, person.password, GOOD, "another").status_code == 422
    for _ in range(5):
        assert change(desk, "not-the-password", GOOD).status_code == 401
    assert change(desk, person.password, GOOD).status_code == 429
    # another window of theirs goes on
    assert change(window(person), person.password, GOOD).status_code == 302


def test_a_list_of_breached_passwords_that_is_gone_is_said(database, tmp_path):
    person = account()
    desk = window(person)
    with override_settings(BREACHED_PASSWORDS=str(tmp_path / "gone")):
        assert [(one.id, one.severity) for one in check_breached()] == [("passwords.list", "error")]
        answer = change(desk, person.password, GOOD)
        assert answer.status_code == 422 and "kehu doctor" in text_of(answer)
    (tmp_path / "gone").write_text(hashlib.sha1(b"correct-horse-battery-1").hexdigest().upper() + ":3\n")
    with override_settings(BREACHED_PASSWORDS=str(tmp_path / "gone")):
        assert list(check_breached()) == []
    assert list(check_breached()) == []
    assert change(desk, person.password, GOOD).status_code == 302


def test_the_factor_of_the_last_ten_minutes_first(database):
    person, desk = account(), None
    secret = enrol(Staff.objects.get(id=person.staff))
    desk = window(person)
    assert desk.post("/account/confirm", {"code": code_now(secret)}).status_code == 302
    with connection.cursor() as cursor:
        cursor.execute("update actor_state set second_factor_at = second_factor_at - interval '11 minutes'")
        cursor.execute("update guard_staff set totp_step = 0")
    assert desk.get("/account/password")["Location"] == "/account/confirm?next=%2Faccount%2Fpassword"
    assert change(desk, person.password, GOOD)["Location"].startswith("/account/confirm")
    assert browser().post("/sign-in", {"email": person.email, "password": person.password}).status_code == 302
    assert desk.post("/account/confirm", {"code": code_now(secret)}).status_code == 302
    assert change(desk, person.password, GOOD).status_code == 302
    # whole still, with what was confirmed
    assert desk.get("/account/password").status_code == 200


# --- links made from above


def test_who_makes_a_link_for_whom(database):
    makers = {role: account(role, "shop") for role in ("manager", "privacy", "legal", "auditor", "service")}
    makers["owner"] = SimpleNamespace(actor=owner_actor())
    people = {role: account(role, "shop") for role in (*LOWER, "manager", "privacy", "legal", "auditor")}
    may = {"owner": set(people), "privacy": {*LOWER, "manager"}, "manager": set(LOWER)}
    for name, maker in makers.items():
        for role, person in people.items():
            allowed = role in may.get(name, set())
            if name not in may:
                with pytest.raises(ActRefused):
                    joining.make_link(person.staff, actor=maker.actor)
            elif allowed:
                secret, until = joining.make_link(person.staff, actor=maker.actor)
                assert joining.look_at_link(secret) == person.email
                assert timedelta(hours=23) < until - datetime.now(UTC) <= timedelta(days=1)
            else:
                with pytest.raises(Refused):
                    joining.make_link(person.staff, actor=maker.actor)
            if name in ("owner", "privacy", "manager"):
                listed = {one.staff: one.may_link for one in joining.people(actor=maker.actor)}
                assert listed.get(person.staff, False) == allowed, (name, role)
            # the database too, whatever a program says
            if name != "owner":
                with transaction.atomic(), connection.cursor() as cursor:
                    written = "insert into staff_link (digest, staff, until, made_by) values (%s, %s, now(), %s)"
                    values = [uuid.uuid4().bytes * 2, person.staff, maker.actor.human]
                    if allowed:
                        cursor.execute(written, values)
                    else:
                        with pytest.raises(IntegrityError), transaction.atomic():
                            cursor.execute(written, values)


def test_nobody_for_themselves_nor_elsewhere_nor_for_who_came_in(database):
    manager, office = account("manager", "shop"), account("privacy", "office")
    for one in (manager, office):
        with pytest.raises(Refused) as refused:
            joining.make_link(one.staff, actor=one.actor)
        assert refused.value.policy == "house.second-person"
    elsewhere, here = account("service", "depot"), account("service", "shop")
    with pytest.raises(LookupError):
        joining.make_link(elsewhere.staff, actor=manager.actor)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "insert into staff_link (digest, staff, until, made_by) values (sha256('a'), %s, now(), %s)",
            [elsewhere.staff, manager.staff],
        )
    joining.make_link(here.staff, actor=manager.actor)
    sign_in(here.email, here.password, Visit("203.0.113.9"))
    with pytest.raises(Refused):  # they came in: a manager could take their account over
        joining.make_link(here.staff, actor=manager.actor)
    joining.make_link(here.staff, actor=office.actor)
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*), count(*) filter (where (select d.answer::text from gate_decision d where d.id = e.decision)"
            " like '%%house.second-person%%') from ledger_entry e where action = %s",
            [ACTIONS["invite"]],
        )
        assert cursor.fetchone() == (5, 2)


def test_a_link_and_an_opening_ask_for_the_factor_of_whoever_has_one(database):
    person, office = account(), account("privacy")
    enrol(Staff.objects.get(id=office.staff))
    for act in (
        lambda: joining.make_link(person.staff, actor=office.actor),
        lambda: allow_sign_on(person.staff, actor=office.actor, allowed=True),
    ):
        with pytest.raises(Refused) as refused:
            act()
        assert refused.value.policy == "house.step-up"
    confirm_second_factor(office.actor.credential)
    assert joining.make_link(person.staff, actor=office.actor)


def test_a_manager_makes_a_link_on_the_page_and_somebody_joins_by_it(database):
    desk, manager = signed_in("manager")
    person, other = account("service", "manager"), account("service", "depot")
    page = text_of(desk.get("/account/people"))
    assert person.email in page and other.email not in page and "/account/people" in text_of(desk.get("/access"))
    answer = desk.post(f"/account/people/{person.staff}/link")
    address = text_of(answer).partition("http://localhost")[2].partition("<")[0]
    assert address.startswith("/account/password/") and answer["Cache-Control"] == "no-store"
    assert desk.post(f"/account/people/{other.staff}/link").status_code == 404
    assert desk.post(f"/account/people/{manager.staff}/link").status_code == 403
    assert address.rpartition("/")[2] not in text_of(desk.get("/account/people"))
    assert browser().post(address, {"password": GOOD, "again": GOOD})["Location"] == "/sign-in?done=password"
    assert desk.post(f"/account/people/{person.staff}/link").status_code == 403  # joined
    assert told() == ["link-made", "password-changed"]


def test_the_command_makes_links_by_the_same_rules(kehu, database):
    manager, person, other = account("manager", "shop"), account("service", "shop"), account("service", "depot")
    token, _ = issue_token(email=manager.email, purpose="service", minutes=5)
    code, answer = kehu("staff", "link", person.email, token=token)
    assert code == 0 and "/account/password/" in answer["url"]
    assert kehu("staff", "link", other.email, token=token)[0] == 1
    assert kehu("staff", "link", manager.email, token=token)[0] == 3
    assert kehu("staff", "link", person.email, "--reset-factor", token=token)[0] == 3
    assert kehu("staff", "link", manager.email)[0] == 0
    code, answer = kehu("staff", "sign-on", person.email)
    assert code == 0 and answer["allowed"] and answer["linked_at"] is None
    assert kehu("staff", "sign-on", person.email, "--end", token=token)[0] == 3
    assert kehu("staff", "sign-on", person.email, "--end")[1]["allowed"] is False


# --- mail on what opens an account


class Letters:
    def __init__(self):
        self.received = []

    async def handle_DATA(self, server, session, envelope):
        self.received.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        return "250 OK"


@pytest.fixture
def post(database):
    """A real SMTP server, and Django's mail sent to it."""
    with serving(Letters()) as letters:
        yield letters


def test_each_change_is_told_to_the_person_and_nothing_secret(post):
    person, office = account(), account("privacy")
    desk = browser()
    with override_settings(SECOND_FACTOR_FROM=""):
        desk.post("/sign-in", {"email": person.email, "password": person.password})
        from tests.doors.account.test_account_pages import _secret  # as the page shows it

        secret = _secret(desk.get("/account/authenticator"))
        codes = text_of(desk.post("/account/authenticator", {"code": code_now(secret)})).split("<li><code>")[1:]
        codes = [one[:19] for one in codes]
        other = browser()
        other.post("/sign-in", {"email": person.email, "password": person.password})
        assert other.post("/account/confirm", {"code": codes[0]}).status_code == 302
    change(desk, person.password, GOOD)
    link, _ = joining.make_link(person.staff, actor=office.actor)
    allow_sign_on(person.staff, actor=office.actor, allowed=True)
    with transaction.atomic():
        step_up.void_factors(person.staff)
    kinds = [
        "authenticator-added",
        "recovery-made",
        "recovery-used",
        "password-changed",
        "link-made",
        "sign-on-allowed",
    ]
    assert told() == [*kinds, "factors-void"]
    jobs.run_pending()
    assert [to for to, _ in post.received] == [[person.email]] * 7
    text = "".join(letter["Subject"] + letter.get_content() for _, letter in post.received)
    for value in (secret, *codes, person.password, GOOD, link, "http", office.email):
        assert value not in text, value
    # the language was never said: all three
    assert all(word in text for word in ("Your password was changed", "密码已更改", "密碼已變更"))
    assert datetime.now(UTC).strftime("%Y-%m-%d") in text


def test_in_the_language_they_chose(post):
    person = account()
    for chosen, words in (("en", "Your password was changed"), ("zh-hant", "密碼已變更"), ("zh-hans", "密码已更改")):
        desk = browser()
        desk.post("/language", {"language": chosen})
        desk.post("/sign-in", {"email": person.email, "password": person.password})
        assert Staff.objects.get(id=person.staff).language == chosen
        post.received.clear()
        notices.tell(person.staff, "password-changed", datetime.now(UTC))
        [(_, letter)] = post.received
        assert words in letter["Subject"] and "·" not in letter["Subject"]
    Staff.objects.filter(id=person.staff).update(is_active=False)
    assert notices.tell(person.staff, "password-changed", datetime.now(UTC)) is False


def test_everything_told_has_its_words_and_a_passkey_is_told(database):
    assert set(notices.kinds()) >= {"passkey-added", "passkey-removed", "authenticator-removed", "sign-on-linked"}
    for what in notices.kinds():
        assert {len(said) for said in notices._texts()[what].values()} == {3} and set(notices._texts()[what]) == set(
            LANGUAGES
        )
    person = account()
    enrol(Staff.objects.get(id=person.staff))
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into staff_passkey (id, staff, public_key, name) values ('\\x01', %s, '\\x01', 'key')",
            [person.staff],
        )
    credential, _ = sign_in(person.email, person.password, Visit("203.0.113.9"))
    confirm_second_factor(credential)
    who = step_up.waiting(credential)
    step_up.remove_factor(who, passkey="AQ")
    step_up.remove_factor(who, passkey="AQ")  # gone already: nothing to tell
    with pytest.raises(step_up.LastFactor):  # and what does not happen is not told
        step_up.remove_factor(who, passkey=None)
    with pytest.raises(KeyError):
        notices.tell_later(person.staff, "something")
    assert told() == ["passkey-removed"]


def test_whoever_a_token_names_is_told(database):
    person = account()
    issue_token(email=person.email, purpose="service", minutes=60)
    assert told() == ["token-issued"]
    with pytest.raises(ValueError, match="minutes"):
        issue_token(email=person.email, purpose="service", minutes=0)
    assert told() == ["token-issued"]


# --- how long a new installation does without


def _aged(days):
    with connection.cursor() as cursor:
        cursor.execute(
            "update guard_staff set created_at = created_at - make_interval(days => %s) where role = 'owner'", [days]
        )


def test_thirty_days_without_a_second_factor_and_never_for_ever(database):
    person, owner = account(), Staff.objects.get(id=owner_actor().human)
    staff = Staff.objects.get(id=person.staff)
    with override_settings(SECOND_FACTOR_FROM="2100-01-01"):
        assert grace_ends() == owner.created_at + LONGEST and timedelta(days=30) == LONGEST
        assert not step_up.second_factor_wanted(staff)
        assert {one.id for one in check_grace()} == {"second-factor.capped", "second-factor.waived"}
        _aged(29)
        assert not step_up.second_factor_wanted(staff)
        _aged(1)
        assert step_up.second_factor_wanted(staff)
        assert [one.id for one in check_grace()] == ["second-factor.capped"]
        desk = browser()
        desk.post("/sign-in", {"email": person.email, "password": person.password})
        assert desk.get("/me")["Location"].startswith("/account/confirm")
    for nonsense in ("soon", "2026-13-01"):
        with override_settings(SECOND_FACTOR_FROM=nonsense):
            assert step_up.second_factor_wanted(staff)
            assert [(one.id, one.severity) for one in check_grace()] == [("second-factor.day", "error")]
    with override_settings(SECOND_FACTOR_FROM=""):
        assert list(check_grace()) == []
