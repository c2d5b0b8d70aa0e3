"""The visitors' pages by a browser without script: a form, its letter, its confirmation, letters and their end; JSON alike."""

from __future__ import annotations

import json
import re
import uuid
from email import message_from_bytes, policy

import pytest
from django.test import Client

from kehu.collect.forms import building, stamps
from kehu.collect.forms.stamps import make_stamp
from kehu.collect.inbox.drain import drain_all
from kehu.doors.web.visit.urls import urlpatterns
from kehu.govern.consent import Statement, give_consent
from kehu.govern.models import Consent, Subscription
from kehu.govern.subscriptions import Said, say, standing
from kehu.guard.gate.read import gate
from kehu.serve.mailing import links
from kehu.vault.assignment import PROBABLE
from kehu.vault.ids import new_id
from tests.cast import admit
from tests.forms import CONTACT, LETTERS, count, post_letters, published, someone
from tests.serve.holdings import link

FATHER = {"name": "林父", "email": "father@mail.example", "relation": "parent"}
UNKNOWN = uuid.UUID(int=7)
LIN = {"f_full_name": "林婉清", "f_email": "lin@mail.example", "f_text": "When?"}
ROLES = ("service", "marketing", "manager", "analyst", "privacy", "legal", "auditor", "engineer")
ALL = frozenset(ROLES)
# name of the address -> (path, method, roles let in, status for them, status for the others): whoever asks is nobody here
TABLE = {
    "visit-form": (f"/forms/{UNKNOWN}", "get", ALL, 404, 404),
    "visit-form-embed": (f"/forms/{UNKNOWN}/embed", "get", ALL, 404, 404),
    "visit-confirm": ("/forms/confirm/x", "get", ALL, 404, 404),
    "visit-letters": ("/letters/x", "get", ALL, 404, 404),
    "visit-stop": ("/letters/x/stop", "get", ALL, 404, 404),
    "visit-gpc": ("/.well-known/gpc.json", "get", ALL, 200, 200),
}
OPEN_TO_ALL = frozenset(TABLE)
pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def window(monkeypatch):
    """A browser that keeps cookies, checks forgery as it is checked, and fills a form in at once."""
    monkeypatch.setattr(stamps, "LEAST_SECONDS", 0)
    return Client(enforce_csrf_checks=True, REMOTE_ADDR="192.0.2.7", HTTP_HOST="localhost", HTTP_ACCEPT_LANGUAGE="en")


def filled(window, path: str, said: dict[str, object]):
    """Post a form as it stands on its page, with these answers."""
    page = window.get(path)
    assert page.status_code == 200 and not page.cookies and "<script" not in page.content.decode()
    stamp = re.search(r'name="stamp" value="([^"]+)"', page.content.decode())[1]
    return window.post(path, {"stamp": stamp, **said})


def link_in(letters, address: str) -> str:
    post_letters()
    text = message_from_bytes(letters.to(address)[-1], policy=policy.default).get_content()
    return re.search(r"http://localhost(/forms/confirm/\S+)", text)[1]


def test_every_address_is_in_the_table(window):
    assert {pattern.name for pattern in urlpatterns} == set(TABLE)
    for name, (path, _, _, status, _) in TABLE.items():
        assert window.get(path).status_code == status, path
        assert window.post(path).status_code == (status if name != "visit-gpc" else 403), path


def test_a_form_from_page_to_record(window, post):
    form = published()
    path = f"/forms/{form.id}"
    page = window.get(path).content.decode()
    assert "Ask us (en)" in page and "checked" not in page  # nothing is ticked before a visitor ticks it
    assert "Privacy notice, version 1" in page
    assert "问" in window.get(path + "?lang=zh-hans").content.decode() or "zh-Hans" in page
    wrong = filled(window, path, {"f_email": "nothing", "c": "personalisation"})
    assert wrong.status_code == 422
    text = wrong.content.decode()
    assert 'href="#i-full_name"' in text and 'value="nothing"' in text and 'value="personalisation" checked' in text
    answer = filled(window, path, LIN | {"c": "personalisation"})
    assert answer.status_code == 200 and "sent you a message" in answer.content.decode()
    link = link_in(post, "lin@mail.example")
    seen = window.get(link)
    assert (
        seen.status_code == 200
        and "lin@" not in seen.content.decode()
        and "Fit offers to me (en)" in seen.content.decode()
    )
    assert count("select count(*) from inbox") == 0
    done = window.post(link)
    assert "Confirmed" in done.content.decode() and not done.cookies
    drain_all()
    assert Consent.objects.get().language == "en"
    assert "Confirmed" in window.get(link).content.decode()


def test_no_means_no(window, post):
    form = published()
    filled(window, f"/forms/{form.id}", LIN)
    link = link_in(post, "lin@mail.example")
    assert "Destroyed" in window.post(link, {"wish": "no"}).content.decode()
    assert window.post(link).status_code == 404
    assert (
        count("select coalesce(sum(length(sealed)), 0) from form_waiting") == 0
        and count("select count(*) from inbox") == 0
    )


def test_a_no_after_the_yes_is_not_said_to_be_done(window, post):
    form = published()
    filled(window, f"/forms/{form.id}", LIN)
    link = link_in(post, "lin@mail.example")
    window.post(link)
    answer = window.post(link, {"wish": "no"})
    text = answer.content.decode()
    assert answer.status_code == 409 and "Destroyed" not in text and "It counts already" in text and "/portal" in text
    assert drain_all() == 1


def test_what_was_ticked_beside_other_words_is_asked_anew(window, post):
    form = published(children=True)
    path = f"/forms/{form.id}"
    stamp = re.search(r'name="stamp" value="([^"]+)"', window.get(path).content.decode())[1]
    app = window.get(path, headers={"Accept": "application/json"}).json()
    published(wordings={"personalisation": dict.fromkeys(("zh-hans", "zh-hant", "en"), "Sell my name")}, children=True)
    chosen = LIN | {"c": "personalisation", "age": "older", "stamp": stamp}
    answer = window.post(path, chosen)
    text = answer.content.decode()
    assert "Sell my name" in text and "changed while you filled it in" in text
    assert 'value="lin@mail.example"' in text and ">When?<" in text and "checked" not in text
    assert count("select count(*) from form_waiting") == 0
    said = {"stamp": app["stamp"], "fields": {"full_name": "林婉清", "email": "lin@mail.example"}, "age": "older"}
    told = window.post(path, json.dumps(said | {"consents": ["personalisation"]}), content_type="application/json")
    assert (told.status_code, told.json()["code"]) == (409, "form_changed") and "stamp" not in told.json()
    stamp = re.search(r'name="stamp" value="([^"]+)"', text)[1]
    window.post(path, chosen | {"stamp": stamp})
    window.post(link_in(post, "lin@mail.example"))
    drain_all()
    assert count("select count(*) from govern_consent where way = 'ask us'") == 1


def test_whoever_fills_in_what_was_closed_meanwhile_reads_that_nothing_was_taken(window):
    form = published(origins=("https://shop.example",))
    path = f"/forms/{form.id}"
    stamp = re.search(r'name="stamp" value="([^"]+)"', window.get(path).content.decode())[1]
    building.close(building.form_of(form.id), actor=someone("marketing"))
    for at in (path, path + "/embed"):
        answer = window.post(at, LIN | {"stamp": stamp})
        assert answer.status_code == 404 and "Nothing of what you may have typed was taken" in answer.content.decode()
    framed = window.get(path + "/embed")["Content-Security-Policy"]
    assert "frame-ancestors *" in framed and "frame-ancestors 'none'" in window.get(path)["Content-Security-Policy"]
    app = window.get(path, headers={"Accept": "application/json"})
    assert (app.status_code, app.json()["code"]) == (404, "form_closed")


def test_a_guardian_sees_whose_turn_it_is_whenever_they_look(window, post):
    form = published(LETTERS, name="list", kind="list", children=True)
    guardian = {f"guardian_{name}": held for name, held in FATHER.items()} | {"age": "younger"}
    filled(window, f"/forms/{form.id}", {"f_email": "kid@mail.example", "l": "email:newsletter"} | guardian)
    link = link_in(post, "father@mail.example")
    for ask in (window.post, window.get, window.post):
        assert "until then nothing counts" in ask(link).content.decode()
    window.post(link_in(post, "kid@mail.example"))
    assert "Confirmed" in window.get(link).content.decode()


def test_the_page_asks_the_age_that_answers_are_judged_by(window):
    form = published(country="TW", children=True, confirmed=False, fields=CONTACT.fields | {"country": False})
    path = f"/forms/{form.id}"
    assert "16 or older" in window.get(path).content.decode()
    assert window.get(path, headers={"Accept": "application/json"}).json()["age"] == 16
    answer = filled(window, path, LIN | {"f_country": "CN", "age": "older"})
    assert answer.status_code == 200 and "received it" in answer.content.decode()
    young = {"f_country": "China", "age": "younger", "age_of": "16"}
    answer = filled(window, path, LIN | young)
    text = answer.content.decode()
    assert answer.status_code == 422 and "14 or older" in text and "another age counts" in text
    assert "guardian_email" not in text and not re.search(r'value="(older|younger)" +checked', text)
    answer = filled(window, path, LIN | young | {"age": "older", "age_of": "14"})
    assert answer.status_code == 200


def test_only_named_pages_frame_it_and_a_foreign_post_is_shown_before_it_is_taken(window):
    closed = published(name="closed")
    assert window.get(f"/forms/{closed.id}/embed").status_code == 404
    form = published(name="open", origins=("https://shop.example",), confirmed=False)
    policy_of = window.get(f"/forms/{form.id}/embed")["Content-Security-Policy"]
    assert "frame-ancestors https://shop.example" in policy_of and "default-src 'none'" in policy_of
    assert "frame-ancestors 'none'" in window.get(f"/forms/{form.id}")["Content-Security-Policy"]
    # a plain form on another's page posts without a stamp: what it sent is shown, and one more press sends it
    path = f"/forms/{form.id}/embed"
    shown = window.post(path, LIN | {"c": "personalisation"})
    text = shown.content.decode()
    assert shown.status_code == 200 and "look through it" in text and 'value="林婉清"' in text
    assert 'value="personalisation"' in text and " checked" not in text  # who owns that page may have ticked it
    assert count("select count(*) from inbox") == 0
    stamp = re.search(r'name="stamp" value="([^"]+)"', text)[1]
    assert "received it" in window.post(path, LIN | {"stamp": stamp}, headers={"Sec-GPC": "1"}).content.decode()
    drain_all()
    assert count("select count(*) from subject_state where gpc") == 1


def test_an_app_signs_up_by_the_same_rules(window, post):
    form = published()
    path = f"/forms/{form.id}"
    told = window.get(path, headers={"Accept": "application/json"}).json()
    assert {one["name"] for one in told["fields"]} == set(CONTACT.fields)
    assert [one["purpose"] for one in told["consents"]] == ["personalisation"] and told["notice"]["name"] == "privacy@1"

    def sent(body: object):
        raw = body if isinstance(body, str) else json.dumps(body)
        return window.post(path, raw, content_type="application/json")

    said = {"fields": {"full_name": "林婉清", "email": "lin@mail.example"}, "consents": ["personalisation"]}
    asked = sent(said)
    assert (asked.status_code, asked.json()["code"]) == (409, "stamp_needed")
    wrong = sent({"stamp": told["stamp"], "fields": {"email": "x"}})
    assert (wrong.status_code, wrong.json()["inputs"]) == (422, {"full_name": "missing", "email": "invalid"})
    assert sent(said | {"stamp": told["stamp"]}).json()["state"] == "confirm"
    link_in(post, "lin@mail.example")
    for broken in ("{", "[]", '"x"', "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")):
        assert sent(broken).status_code == 400
    stamp = make_stamp(form.id, form.version.number)
    assert sent({"stamp": stamp, "fields": [1], "consents": {"a": 1}, "letters": "x"}).status_code == 422


def subscribed(email: str) -> uuid.UUID:
    [one] = admit({"email": email}, packs=2)
    statement = Statement(notice=1, way="x")
    give_consent(one, purpose=4, purpose_version=1, statement=statement, recorded_by=new_id(), id=new_id())
    say(
        one,
        "email",
        "newsletter",
        said=Said("subscribed", way="x", ground="consent"),
        recorded_by=new_id(),
        id=new_id(),
    )
    return one


def sent(subject: uuid.UUID) -> str:
    """Where a newsletter would go, or the policy that bars it."""
    ask = {"actor": someone("marketing"), "purpose": "marketing", "fields": ["email"], "use": "contact"}
    opened = gate().open([subject], **ask, medium="email", topic="newsletter")[0]
    return next((one.given for one in opened.contributions), None) or opened.denied()["email"].policy


def test_one_press_stops_letters_and_opening_the_link_does_not(window):
    lin = subscribed("lin@mail.example")
    letter = links.Letter(lin, "email", "newsletter")
    made = links.headers(letter, site="https://kehu.example")
    assert made["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = re.fullmatch(r"<https://kehu\.example(/letters/\S+/stop)>", made["List-Unsubscribe"])[1]
    assert window.get(path).status_code == 200
    assert [one.status for one in standing(lin)] == ["subscribed"]  # a scanner opened it
    assert sent(lin) == "lin@mail.example"
    for _ in range(2):
        answer = Client(enforce_csrf_checks=True).post(path, {"List-Unsubscribe": "One-Click"}, HTTP_HOST="localhost")
        assert answer.status_code == 200 and not answer.cookies
    assert [one.status for one in standing(lin)] == ["unsubscribed"]
    assert Subscription.objects.filter(subject=lin).count() == 2  # pressed twice, said once
    assert sent(lin) == "house.subscription-opt-out"
    gone = links.make(links.Letter(new_id(), "email", "newsletter"))
    assert window.post(f"/letters/{gone}/stop").status_code == 200  # erased: the same answer
    assert window.post(f"/letters/{gone[:-2]}AA/stop").status_code == 404


def test_preferences_by_link_show_no_one_and_set_letters_alone(window):
    lin = subscribed("lin@mail.example")
    say(lin, "email", "offers", said=Said("suppressed", way="list"), recorded_by=new_id(), id=new_id())
    path = f"/letters/{links.make(links.Letter(lin, 'email', 'newsletter'))}"
    text = window.get(path).content.decode()
    assert (
        "lin@" not in text
        and re.search(r'value="newsletter" checked', text)
        and re.search(r'value="offers" +disabled', text)
    )
    window.post(path, {"on": ["events", "offers"], "was": re.findall(r'name="was" value="([\w-]+)"', text)})
    said = {one.topic: one.status for one in standing(lin)}
    assert (said["newsletter"], said["events"], said["offers"]) == ("unsubscribed", "subscribed", "suppressed")
    window.post(path, {"wish": "stop"})
    assert {one.status for one in standing(lin)} == {"unsubscribed", "suppressed"}
    child = admit({"email": "kid@mail.example"}, age=1)[0]
    answer = window.post(f"/letters/{links.make(links.Letter(child, 'email', 'newsletter'))}", {"on": ["events"]})
    assert "guardian" in answer.content.decode()
    assert [one for one in standing(child) if one.status == "subscribed"] == []


def test_a_link_tells_and_sets_what_its_own_part_said(window):
    """Whom linkage alone joined may be another member of the household: of their word the holder of a letter sees nothing."""
    lin, other = subscribed("lin@mail.example"), subscribed("bo@mail.example")
    link(*sorted((lin, other)), PROBABLE)
    say(other, "email", "newsletter", said=Said("unsubscribed", way="x"), recorded_by=new_id(), id=new_id())
    said = Said("subscribed", way="x", ground="consent", own=True)
    say(lin, "email", "newsletter", said=said, recorded_by=new_id(), id=new_id())
    path = f"/letters/{links.make(links.Letter(lin, 'email', 'newsletter'))}"
    shown = window.get(path).content.decode()
    assert re.search(r'value="newsletter" checked', shown)
    theirs = f"/letters/{links.make(links.Letter(other, 'email', 'newsletter'))}"
    assert not re.search(r'value="newsletter" checked', window.get(theirs).content.decode())
    window.post(path, {"wish": "stop"})  # said of their own: it stays with them whoever is parted from whom
    assert {one.status for one in standing(lin, whole=False)} == {"unsubscribed"}
    assert Subscription.objects.filter(subject=lin, status="unsubscribed", topic="newsletter").count() == 1


def test_preferences_that_were_open_meanwhile_start_nothing_again(window):
    lin = subscribed("lin@mail.example")
    path = f"/letters/{links.make(links.Letter(lin, 'email', 'newsletter'))}"
    shown = re.findall(r'name="was" value="([\w-]+)"', window.get(path).content.decode())
    assert "newsletter" in shown
    window.post(f"{path}/stop")
    window.post(path, {"on": [*shown, "events"], "was": shown})
    said = {one.topic: one.status for one in standing(lin)}
    assert said == {"newsletter": "unsubscribed", "events": "subscribed"}


def test_a_list_is_joined_by_its_page(window, post):
    form = published(LETTERS, name="letters", kind="list")
    filled(window, f"/forms/{form.id}", {"f_email": "lin@mail.example", "l": ["email:newsletter", "email:offers"]})
    window.post(link_in(post, "lin@mail.example"))
    drain_all()
    assert {one.topic for one in Subscription.objects.filter(status="subscribed")} == {"newsletter", "offers"}


def test_too_much_waiting_is_told_and_nothing_typed_is_lost(window, post, monkeypatch):
    waiting, kept = published(), published(name="kept", confirmed=False)
    filled(window, f"/forms/{waiting.id}", LIN)
    link = link_in(post, "lin@mail.example")
    with monkeypatch.context() as full:
        full.setenv("KEHU_INBOX_MOST", "0")
        answer = filled(window, f"/forms/{kept.id}", LIN | {"c": "personalisation"})
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert (
            'value="林婉清"' in answer.content.decode() and 'value="personalisation" checked' in answer.content.decode()
        )
        assert window.post(link).status_code == 503
    assert window.post(link).status_code == 200
    assert drain_all() == 1
