"""Single sign-on against a real provider over HTTP: who comes in, what confirms, and every way in which an answer is not good."""

from __future__ import annotations

import json
import logging
import uuid
from datetime import timedelta
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.test import override_settings
from django.utils import timezone

from kehu.guard.gate.acts import Refused
from kehu.guard.staff import provider as providers
from kehu.guard.staff import sign_on
from kehu.guard.staff.actions import actor_of, add_staff, owner_actor
from kehu.guard.staff.models import Staff
from kehu.guard.staff.second_factor import code_now, enrol
from kehu.guard.staff.sign_on import allow_sign_on, standing_of
from kehu.guard.staff.sign_on_checks import check_sign_on
from kehu.guard.watch.case_steps import freeze, unfreeze
from kehu.guard.watch.cases import open_case
from tests.doors.account.there import CLIENT, RETURN, SECRET, running
from tests.doors.web.browsing import browser, text_of


@pytest.fixture(scope="module")
def process():
    with running() as held:
        yield held


@pytest.fixture
def there(process, database, tmp_path, monkeypatch):
    """The provider, set up here; its metadata and keys looked up anew."""
    (tmp_path / "secret").write_text(SECRET + "\n")
    monkeypatch.setattr(providers, "_held", {})
    with override_settings(
        OIDC_ISSUER=process.issuer, OIDC_CLIENT_ID=CLIENT, OIDC_CLIENT_SECRET_FILE=str(tmp_path / "secret"),
        OIDC_SECOND_FACTOR="hwk,mfa", OIDC_NAME="Haus", SECOND_FACTOR_FROM="",
    ):  # fmt: skip
        yield process


def account(role="service", *, allowed=True):
    _, made = add_staff(email=f"{role}-{uuid.uuid4().hex[:6]}@kehu.example", role=role, department=None, attest=True)
    if allowed:
        allow_sign_on(actor_of(made.email).staff, actor=owner_actor(), allowed=True)
    return SimpleNamespace(email=made.email, password=made.password, staff=actor_of(made.email).staff)


def come(there, desk, path="/sign-in/provider"):
    """Walk there and back; the site's answer."""
    sent = desk.get(path)
    assert sent.status_code == 302, sent.status_code
    return desk.get(there.walk(sent["Location"]))


def sits_and_comes(there, person, desk=None, **told):
    there.sits(person.email, **told)
    return come(there, desk or browser())


def one(query, *values):
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchone()


def jobs():
    with connection.cursor() as cursor:
        cursor.execute(
            "select args->>'what' from procrastinate_jobs where task_name = 'guard:tell_of_account' order by id"
        )
        return [row[0] for row in cursor.fetchall()]


def test_the_first_way_back_links_and_later_ones_find_by_subject_alone(there):
    person, desk = account(), browser()
    there.sits(person.email.upper(), amr=["pwd", "hwk"])
    assert come(there, desk)["Location"] == "/purpose"
    assert desk.get("/purpose").status_code == 200
    asked = there.asked()
    assert asked["code_challenge_method"] == "S256" and asked["scope"] == "openid email"
    assert "prompt" not in asked and len(asked["nonce"]) == len(asked["state"]) == 64
    # now another address, of somebody else even: it is the subject that counts
    other = account("legal")
    assert sits_and_comes(there, other, desk := browser(), amr=["hwk"])["Location"] == "/purpose"
    assert person.email in text_of(desk.get("/me"))
    assert standing_of(other.staff).linked_at is None and standing_of(person.staff).linked_at is not None
    assert jobs() == ["sign-on-allowed", "sign-on-linked", "sign-on-allowed"]
    # in the ledger: allowed by the owner, linked by the person
    [count, by] = one(
        "select count(*), count(*) filter (where human = %s) from ledger_entry where action = 91", person.staff
    )
    assert (count, by) == (3, 1)
    assert not any(
        "person-1" in str(row) for row in [one("select * from staff_sign_on where staff = %s", person.staff)]
    )


def test_without_a_factor_that_counts_the_house_asks_for_its_own(there):
    person, desk = account(), browser()
    assert sits_and_comes(there, person, desk, amr=["pwd", "otp"])["Location"] == "/purpose"
    assert desk.get("/purpose")["Location"].startswith("/account/confirm")
    assert desk.get("/me")["Location"].startswith("/account/confirm")
    secret = enrol(Staff.objects.get(id=person.staff))
    assert desk.post("/account/confirm", {"code": code_now(secret)}).status_code == 302
    assert desk.get("/me").status_code == 200
    with override_settings(OIDC_SECOND_FACTOR=""):  # nothing is set up to count: hwk does not either
        desk = browser()
        sits_and_comes(there, person, desk, amr=["hwk"])
        assert desk.get("/me")["Location"].startswith("/account/confirm")
    with override_settings(OIDC_SECOND_FACTOR="acr=phr"):
        desk = browser()
        sits_and_comes(there, person, desk, claims={"acr": "phr"})
        assert there.asked()["acr_values"] == "phr"
        assert desk.get("/me").status_code == 200


def test_an_old_factor_lets_in_and_confirms_nothing(there):
    person, desk = account("privacy"), browser()
    sits_and_comes(there, person, desk, amr=["hwk"], signed_in=-3600)
    assert desk.get("/me").status_code == 200
    assert desk.get("/account/password")["Location"] == "/account/confirm?next=%2Faccount%2Fpassword"
    page = text_of(desk.get("/account/confirm?next=/account/password"))
    assert "/account/provider?next=/account/password" in page and 'id="code"' not in page
    # one that says no moment confirms nothing either
    other, desk = account("legal"), browser()
    sits_and_comes(there, other, desk, sub="person-2", amr=["hwk"], signed_in=None)
    assert desk.get("/me").status_code == 200
    assert desk.get("/account/password")["Location"].startswith("/account/confirm")


def test_the_provider_confirms_again_by_a_sign_in_of_now_alone(there):
    person, desk = account("privacy"), browser()
    sits_and_comes(there, person, desk, amr=["hwk"], signed_in=-3600)
    way = "/account/provider?next=/account/password"
    for wrong in ({"signed_in": -3600}, {"amr": ["pwd"]}, {"signed_in": None}, {"sub": "person-2"}):
        there.sits(person.email, **({"amr": ["hwk"]} | wrong))
        answer = come(there, desk, way)
        assert answer.status_code == 401 and "/account/provider" in text_of(answer), wrong
        assert desk.get("/account/password").status_code == 302
    there.sits(person.email, amr=["hwk"])
    assert come(there, desk, way)["Location"] == "/account/password"
    asked = there.asked()
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    assert desk.get("/account/password").status_code == 200
    # and it reaches nobody who came by a password
    other = account("legal")
    with override_settings(SECOND_FACTOR_FROM="2100-01-01"):
        (desk := browser()).post("/sign-in", {"email": other.email, "password": other.password})
    assert desk.get("/account/provider")["Location"] == "/account/confirm"


def test_the_first_own_factor_asks_for_the_providers_first(there):
    person, desk = account("privacy"), browser()
    sits_and_comes(there, person, desk, amr=["hwk"], signed_in=-3600)
    assert desk.get("/account/authenticator")["Location"] == "/account/confirm?next=%2Faccount%2Fauthenticator"
    assert desk.post("/account/passkeys/options", {"for": "new"}).status_code == 403
    for path in ("/account/authenticator", "/account/passkeys", "/account/codes"):
        assert desk.post(path, {"code": "000000", "passkey": "{}"})["Location"].startswith("/account/confirm"), path
    there.sits(person.email, amr=["hwk"])
    come(there, desk, "/account/provider?next=/account/authenticator")
    assert desk.get("/account/authenticator").status_code == 200


def test_a_confirmation_of_another_window_is_none(there):
    person, mine, other = account("privacy"), browser(), browser()
    for desk in (mine, other):
        sits_and_comes(there, person, desk, amr=["hwk"], signed_in=-3600)
    there.sits(person.email, amr=["hwk"])
    back = there.walk(mine.get("/account/provider")["Location"])
    assert other.get(back).status_code == 401
    assert mine.get(back).status_code == 302
    # begun under a sign-in that ended meanwhile, in the same window
    back = there.walk(mine.get("/account/provider")["Location"])
    words = {"current": person.password, "password": "violet-tram-9-umbrella", "again": "violet-tram-9-umbrella"}
    assert mine.post("/account/password", words).status_code == 302
    assert mine.get(back).status_code == 401


LIED = (
    "nonce", "no-nonce", "audience", "audience-by-our-name", "more-audiences", "other-party", "issuer", "expired", "no-end", "from-later",
    "half-hash", "no-subject", "none", "secret", "public-key-as-secret", "other-key", "signature", "state", "refuses",
)  # fmt: skip


def test_an_answer_that_is_not_good_lets_nobody_in(there, caplog):
    person = account()
    for number, lie in enumerate(LIED):
        caplog.clear()
        desk = browser(REMOTE_ADDR=f"203.0.113.{number}")
        answer = sits_and_comes(there, person, desk, amr=["hwk"], lie=lie)
        assert answer.status_code == 401 and "person-1" not in text_of(answer), lie
        assert desk.get("/me")["Location"].startswith("/sign-in"), lie
        ours = [record.getMessage() for record in caplog.records if record.name == "kehu.sign-on"]
        assert len(ours) == 1 and "eyJ" not in caplog.text and "code=" not in ours[0], lie
    assert standing_of(person.staff).linked_at is None
    assert one("select count(*) from staff_session where staff = %s", person.staff) == (0,)
    # and without a lie the same is good
    assert sits_and_comes(there, person, amr=["hwk"], lie="truth")["Location"] == "/purpose"


def test_new_keys_are_looked_up_and_old_ones_are_void(there):
    person = account()
    assert sits_and_comes(there, person, amr=["hwk"])["Location"] == "/purpose"
    there.sits(person.email, amr=["hwk"], rotate="two")
    assert come(there, browser())["Location"] == "/purpose"
    assert sits_and_comes(there, person, amr=["hwk"], lie="other-key").status_code == 401  # a key called "one"
    there.sits(person.email, amr=["hwk"], rotate="one")


def test_the_response_says_where_it_comes_from(there):
    person = account()
    assert sits_and_comes(there, person, amr=["hwk"], **{"says-who": ""})["Location"] == "/purpose"
    for mixed in ("http://127.0.0.1:1/", there.issuer.rstrip("/")):
        assert sits_and_comes(there, person, amr=["hwk"], **{"says-who": mixed}).status_code == 401
    # a provider that always says it, and a response that does not
    there.sits(person.email, amr=["hwk"], **{"says-who": ""})
    desk = browser()
    back = there.walk(desk.get("/sign-in/provider")["Location"])
    path, _, query = back.partition("?")
    silent = "&".join(part for part in query.split("&") if not part.startswith("iss="))
    assert desk.get(f"{path}?{silent}").status_code == 401
    # a way begun with another provider ends nowhere
    desk = browser()
    back = there.walk(desk.get("/sign-in/provider")["Location"])
    with connection.cursor() as cursor:
        cursor.execute("update staff_sign_on_way set issuer = 'http://127.0.0.1:1/'")
    assert desk.get(back).status_code == 401


def test_a_way_is_walked_once_by_the_browser_that_began_it_and_soon(there):
    person, desk = account(), browser()
    there.sits(person.email, amr=["hwk"])
    back = there.walk(desk.get("/sign-in/provider")["Location"])
    assert browser().get(back).status_code == 401  # somebody else's browser, sent there
    assert desk.get(back)["Location"] == "/purpose"
    assert desk.get(back).status_code == 401
    desk = browser()
    back = there.walk(desk.get("/sign-in/provider")["Location"])
    double = back + "&state=" + parse_qs(urlsplit(back).query)["state"][0]
    assert desk.get(double).status_code == 401
    desk = browser()
    back = there.walk(desk.get("/sign-in/provider")["Location"])
    with connection.cursor() as cursor:
        cursor.execute("update staff_sign_on_way set started_at = started_at - interval '11 minutes'")
    assert desk.get(back).status_code == 401
    # the next page is one of this site
    assert "evil" not in come(there, browser(), "/sign-in/provider?next=https://evil.example/")["Location"]
    assert come(there, browser(), "/sign-in/provider?next=/access")["Location"] == "/access"


def test_who_is_known_there_and_not_here(there):
    person, stranger = account(), account("legal", allowed=False)
    refused = [
        sits_and_comes(there, SimpleNamespace(email="nobody@kehu.example"), amr=["hwk"]),
        sits_and_comes(there, SimpleNamespace(email="owner@home"), amr=["hwk"]),
        sits_and_comes(there, person, amr=["hwk"], verified=False),
        sits_and_comes(there, person, amr=["hwk"], lie="verified-text"),
        sits_and_comes(there, stranger, amr=["hwk"]),
    ]
    there.tell(person={"sub": "person-1"}, claims={"amr": ["hwk"]})
    refused.append(come(there, browser()))
    assert [answer.status_code for answer in refused] == [401] * 6
    said = {text_of(answer).partition('role="alert"')[2][:400] for answer in refused}
    assert len(said) == 1  # which of the reasons is not said
    assert not Staff.objects.filter(email="nobody@kehu.example").exists()
    # linked once: another person there, with the same address, gets nothing
    assert sits_and_comes(there, person, amr=["hwk"])["Location"] == "/purpose"
    assert sits_and_comes(there, person, sub="person-9", amr=["hwk"]).status_code == 401


def test_an_account_that_is_closed_or_frozen_stays_so(there):
    person, desk = account(), browser()
    sits_and_comes(there, person, desk, amr=["hwk"])
    accuser, office = (actor_of(account("privacy", allowed=False).email) for _ in range(2))
    case = open_case(actor=accuser, human=person.staff)
    freeze(case.number, actor=office)
    assert sits_and_comes(there, person, amr=["hwk"]).status_code == 401
    unfreeze(case.number, actor=office)
    assert sits_and_comes(there, person, amr=["hwk"]).status_code == 302
    Staff.objects.filter(id=person.staff).update(is_active=False)
    assert sits_and_comes(there, person, amr=["hwk"]).status_code == 401
    Staff.objects.filter(id=person.staff).update(is_active=True)
    assert sits_and_comes(there, person, amr=["hwk"]).status_code == 401  # it must be allowed anew


def test_claims_of_the_userinfo_are_those_of_the_same_person(there):
    person = account()
    assert sits_and_comes(there, person, amr=["hwk"], lie="userinfo").status_code == 401
    assert sits_and_comes(there, person, amr=["hwk"])["Location"] == "/purpose"


def test_the_office_opens_and_closes_it_and_nobody_for_themselves(there):
    person, desk = account("service"), browser()
    office = account("privacy", allowed=False)
    sits_and_comes(there, person, desk, amr=["hwk"])
    assert desk.get("/me").status_code == 200
    for role in ("manager", "legal", "auditor", "service"):
        with pytest.raises(Refused):
            allow_sign_on(person.staff, actor=actor_of(account(role, allowed=False).email), allowed=False)
    with pytest.raises(Refused):
        allow_sign_on(office.staff, actor=actor_of(office.email), allowed=True)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("insert into staff_sign_on (staff, allowed_by) values (%s, %s)", [office.staff, person.staff])
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("update staff_sign_on set identity = sha256('x') where staff = %s", [person.staff])
    allow_sign_on(person.staff, actor=actor_of(office.email), allowed=False)
    assert desk.get("/me")["Location"].startswith("/sign-in")
    assert sits_and_comes(there, person, amr=["hwk"]).status_code == 401


def test_signed_out_there_is_signed_out_here(there):
    person, other = account(), account("legal")
    one_, two, third = browser(), browser(), browser()
    sits_and_comes(there, person, one_, amr=["hwk"], claims={"sid": "s-1"})
    sits_and_comes(there, person, two, amr=["hwk"], claims={"sid": "s-2"})
    sits_and_comes(there, other, third, sub="person-2", amr=["hwk"], claims={"sid": "s-3"})
    one_.post("/purpose", {"purpose": "service"})

    def send(**told):
        return browser(enforce_csrf_checks=True).post(
            "/sign-in/provider/logout", {"logout_token": there.logout(**told)}
        )

    bad = [
        {"aud": "somebody-else"}, {"iss": "http://127.0.0.1:1/"}, {"exp": 1_000_000_000}, {"events": {}}, {"events": None},
        {"nonce": "x"}, {"sid": None, "sub": None}, {"iat": None}, {"sid": 5},
    ]  # fmt: skip
    for told in bad:
        assert send(**({"sid": "s-1"} | told)).status_code == 400, told
    assert browser().post("/sign-in/provider/logout", {"logout_token": "x.y.z"}).status_code == 400
    assert all(desk.get("/me").status_code == 200 for desk in (one_, two, third))
    assert send(sid="s-1").status_code == 200
    assert [desk.get("/me").status_code for desk in (one_, two, third)] == [302, 200, 200]
    assert send(sub="person-1").status_code == 200
    assert [desk.get("/me").status_code for desk in (two, third)] == [302, 200]


def test_a_provider_that_is_away_and_one_that_is_another(there, caplog):
    there.sits("x@kehu.example", lie="metadata")
    assert browser().get("/sign-in/provider").status_code == 503
    looks = there.asked()["looks"]
    assert browser().get("/sign-in/provider").status_code == 503  # not asked again at once
    assert there.asked()["looks"] == looks
    with override_settings(OIDC_ISSUER="http://127.0.0.1:9/"):
        answer = browser().get("/sign-in/provider")
        assert answer.status_code == 503 and 'id="password"' in text_of(answer)
    for issuer in ("http://idp.example/", "ftp://127.0.0.1/"):  # in clear, elsewhere
        caplog.clear()
        with override_settings(OIDC_ISSUER=issuer):
            assert browser().get("/sign-in/provider").status_code == 503
        assert "single sign-on: address in clear" in caplog.messages
    with override_settings(OIDC_CLIENT_SECRET_FILE="/nowhere"):
        assert browser().get("/sign-in/provider").status_code == 503
        assert "/sign-in/provider" not in text_of(browser().get("/sign-in"))


def test_the_doctor_says_what_is_wrong_with_it(there, tmp_path):
    there.tell()
    (tmp_path / "secret").chmod(0o600)

    def found(**changed):
        with override_settings(**changed):
            return {one.id for one in check_sign_on()}

    assert found() == set()
    assert found(OIDC_ISSUER="", OIDC_CLIENT_ID="") == set()
    assert found(OIDC_CLIENT_ID="") == found(OIDC_ISSUER="") == {"sign-on.half"}
    assert found(OIDC_SECOND_FACTOR="hwk,pwd") == {"sign-on.factor"}
    assert found(OIDC_ISSUER="http://127.0.0.1:9/") == found(OIDC_CLIENT_SECRET_FILE="/nowhere") == {"sign-on.away"}
    (tmp_path / "secret").chmod(0o640)
    assert found() == {"sign-on.secret-mode"}


def test_from_one_place_not_for_ever(there):
    person = account()
    desk = browser(REMOTE_ADDR="203.0.113.66")
    for _ in range(20):
        assert desk.get(f"{RETURN}?code=x&state=y").status_code == 401
    assert sits_and_comes(there, person, desk, amr=["hwk"]).status_code == 429
    assert sits_and_comes(there, person, browser(REMOTE_ADDR="203.0.113.67"), amr=["hwk"])["Location"] == "/purpose"


def test_a_provider_that_tells_only_when_asked_is_asked(there):
    there.sits("x@kehu.example", amr=["hwk"], **{"takes-claims": True})
    come(there, browser())
    assert json.loads(there.asked()["claims"]) == {"id_token": {"amr": None, "acr": None, "auth_time": None}}


def test_the_sign_in_page_offers_it_where_it_is_set_up(there):
    page = text_of(browser().get("/sign-in?next=/access"))
    assert "Haus" in page and "/sign-in/provider?next=/access" in page
    assert settings.OIDC_ISSUER and sign_on.provider_name() == "Haus"
    with override_settings(OIDC_ISSUER=""):
        assert "/sign-in/provider" not in text_of(browser().get("/sign-in"))
        assert browser().get("/sign-in/provider").status_code == 404


def test_no_code_and_no_token_is_logged(there, caplog):
    caplog.set_level(logging.DEBUG)
    person, desk = account(), browser()
    there.sits(person.email, amr=["hwk"])
    back = there.walk(desk.get("/sign-in/provider")["Location"])
    assert desk.get(back)["Location"] == "/purpose"
    code = parse_qs(urlsplit(back).query)["code"][0]
    ours = [
        r for r in caplog.records if not r.name.startswith("django")
    ]  # Django's own debug lines are off in the product
    assert not any(code in r.getMessage() or "eyJ" in r.getMessage() or SECRET in r.getMessage() for r in ours)
    assert one("select count(*) from staff_sign_on_way") == (0,)
    assert timezone.now() - standing_of(person.staff).linked_at < timedelta(minutes=1)
