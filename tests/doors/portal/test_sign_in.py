"""Coming in at the customers' door: a code by real mail, nothing told, nobody locked out."""

from __future__ import annotations

import logging
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kehu.guard.guests import codes
from kehu.guard.installation import HeldRules
from kehu.serve.corrections.actions import correct
from kehu.serve.portal import sign_in
from tests.cast import admit, staff
from tests.serve.holdings import link
from tests.visitor import Visitor

LIN = {
    "full_name": "林婉清",
    "email": "lin@mail.example",
    "birth_date": "1990-03-25",
    "external_id": "W-1",
    "national_id": "11010519491231002X",
}
ZHOU = {"full_name": "周海", "email": "zhou@mail.example", "birth_date": "1985-11-02", "external_id": "W-2"}


def without_token(answer):
    return re.sub(r'(value|X-CSRFToken": ")="?[A-Za-z0-9]{64}"?|[A-Za-z0-9]{64}', "", answer.content.decode())


def test_a_customer_comes_in_by_a_code_from_the_mail(post, visitor):
    admit(LIN)
    asked = visitor.ask(" Lin@Mail.example ")
    assert asked.status_code == 200 and "on its way" in asked.content.decode()
    assert len(post.to(LIN["email"])) == 1
    answer = visitor.enter("lin@mail.example", post.code(LIN["email"]))
    assert (answer.status_code, answer["Location"]) == (302, "/portal")
    page = visitor.see()
    assert "林婉清, your data are yours" in page


def test_what_an_input_method_writes_wide_is_the_same(post, visitor):
    admit(LIN, ZHOU | {"email": LIN["email"]})
    wide = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})
    address = LIN["email"].translate(wide)
    visitor.ask(f"\u200b{address}\u3000")
    code = post.code(LIN["email"])
    assert visitor.enter(address, f"{code[:3]} {code[3:]}".translate(wide)).status_code == 200
    assert visitor.name_fact(address, LIN["external_id"].translate(wide)).status_code == 302
    assert "林婉清" in visitor.see()


def test_the_letter_says_nothing_of_the_customer(post, visitor):
    admit(LIN)
    visitor.ask(LIN["email"])
    from email import message_from_bytes, policy

    [raw] = post.to(LIN["email"])
    letter = message_from_bytes(raw, policy=policy.default)
    text = str(letter["Subject"]) + letter.get_content()
    assert "ten minutes" in text
    assert not any(value in text for value in LIN.values())


def test_no_answer_tells_whether_an_address_is_known(post, monkeypatch):
    monkeypatch.setattr(HeldRules, "follow", lambda self: None)  # looks once a second, whoever asks
    admit(LIN)
    answers, statements = [], []
    for address in (LIN["email"], "nob@mail.example"):  # as long as the other
        visitor = Visitor(post)
        visitor.ask("warm@mail.example")
        sign_in.drain()
        with CaptureQueriesContext(connection) as asked:
            answer = visitor.ask(address)
        sign_in.drain()
        with CaptureQueriesContext(connection) as tried:
            wrong = visitor.enter(address, "000000")
        answers.append(
            [
                (one.status_code, without_token(one).replace(address, "…"), sorted(one.cookies), sorted(one.headers))
                for one in (answer, wrong)
            ]
        )
        statements.append([re.sub(r"'[^']*'| ?-?\d+", "?", q["sql"]) for log in (asked, tried) for q in log])
    assert answers[0] == answers[1]
    assert statements[0] == statements[1]  # the same work, so the same time: the look-up follows the answer
    assert len(post.to(LIN["email"])) == 1 and not post.to("nob@mail.example")


def test_the_look_up_and_the_mail_follow_the_answer(post, visitor, monkeypatch):
    admit(LIN)
    looked = []
    found = sign_in.candidates
    monkeypatch.setattr(sign_in, "candidates", lambda key: looked.append(1) or found(key))
    monkeypatch.setattr(sign_in._post, "submit", lambda *work: looked.append(work))
    visitor.ask(LIN["email"])
    [(deliver, *rest)] = looked
    assert not post.received
    deliver(*rest)
    assert looked[1:] == [1] and len(post.received) == 1


def test_what_is_no_address_is_answered_like_any_other(post, visitor):
    for typed in ("nobody", "a@b\r\nBcc: x@y.example", "@", "x" * 400, "\0", "林@mail"):
        assert visitor.ask(typed).status_code == 200
    sign_in.drain()
    assert post.received == []


@pytest.mark.parametrize("case", ["wrong", "expired", "reused", "another browser", "another address"])
def test_a_code_that_does_not_count(post, visitor, case):
    admit(LIN, ZHOU)
    visitor.ask(LIN["email"])
    code, address, who = post.code(LIN["email"]), LIN["email"], visitor
    if case == "wrong":
        code = str((int(code) + 1) % 1_000_000).zfill(6)
    if case == "expired":
        with connection.cursor() as cursor:
            cursor.execute("update guest_code set expires_at = clock_timestamp()")
    if case == "reused":
        assert visitor.enter(address, code).status_code == 302
        visitor.ask(address)  # a new request; the old code stays used
    if case == "another browser":
        who = Visitor(post)
    if case == "another address":
        address = ZHOU["email"]
    answer = who.enter(address, code)
    assert answer.status_code == 401 and "does not count" in answer.content.decode()
    if case != "reused":
        assert who.client.get("/portal").status_code == 302


def test_guessing_stops(post, visitor):
    admit(LIN)
    visitor.ask(LIN["email"])
    right = post.code(LIN["email"])
    for n in range(codes.TRIES):
        assert visitor.enter(LIN["email"], str((int(right) + 1 + n) % 1_000_000).zfill(6)).status_code == 401
    assert visitor.enter(LIN["email"], right).status_code == 401


def test_an_attacker_spends_nothing_of_the_owner(post):
    admit(LIN)
    for _n in range(30):
        attacker = Visitor(post, place="198.51.100.9")
        attacker.ask(LIN["email"])
        attacker.enter(LIN["email"], "123456")
    assert len(post.to(LIN["email"])) == codes.FREE_PER_PAIR  # nor a flood of mail
    Visitor(post).come_in(LIN["email"])


def test_behind_the_attackers_own_address_a_fact_brings_the_code(post):
    admit(LIN)
    for _ in range(8):
        Visitor(post).ask(LIN["email"])
    owner = Visitor(post)
    owner.ask(LIN["email"], fact="W-1")
    assert len(post.to(LIN["email"])) == codes.FREE_PER_PAIR + 1
    assert owner.enter(LIN["email"], post.code(LIN["email"])).status_code == 302


def test_under_a_flood_a_fact_brings_the_code(post):
    admit(LIN)
    for n in range(codes.FREE_PER_ADDRESS):
        Visitor(post, place=f"203.0.113.{n}").ask(LIN["email"])
    sent = len(post.to(LIN["email"]))
    owner = Visitor(post)
    owner.ask(LIN["email"])
    owner.ask(LIN["email"], fact="1990-03-26")
    assert len(post.to(LIN["email"])) == sent
    assert "on its way" in owner.ask(LIN["email"], fact="1990-03-25").content.decode()
    assert len(post.to(LIN["email"])) == sent + 1
    code = post.code(LIN["email"])
    assert len(code) == 10
    assert owner.enter(LIN["email"], f"{code[:5]} {code[5:]}").status_code == 302


def test_a_shared_mailbox_opens_nobody_without_a_fact(post, visitor):
    admit(LIN, ZHOU | {"email": LIN["email"]})
    visitor.ask(LIN["email"])
    answer = visitor.enter(LIN["email"], post.code(LIN["email"]))
    page = answer.content.decode()
    assert answer.status_code == 200 and "One more fact" in page
    assert not any(value in page for value in (*LIN.values(), *ZHOU.values()) if value != LIN["email"])
    assert visitor.client.get("/portal").status_code == 302
    assert visitor.name_fact(LIN["email"], "1985-11-03").status_code == 401
    assert visitor.name_fact(LIN["email"], "1985-11-02").status_code == 302
    page = visitor.see("/portal/held")
    assert "周海" in page and "林婉清" not in page


def test_facts_at_a_shared_mailbox_are_few(post, visitor):
    admit(LIN, ZHOU | {"email": LIN["email"]})
    visitor.ask(LIN["email"])
    visitor.enter(LIN["email"], post.code(LIN["email"]))
    for _ in range(codes.FACT_TRIES):
        assert visitor.name_fact(LIN["email"], "W-9").status_code == 401
    assert visitor.name_fact(LIN["email"], "W-1").status_code == 401


def test_a_fact_that_fits_two_opens_neither(post, visitor):
    admit(LIN, ZHOU | {"email": LIN["email"], "birth_date": LIN["birth_date"]})
    visitor.ask(LIN["email"])
    visitor.enter(LIN["email"], post.code(LIN["email"]))
    assert visitor.name_fact(LIN["email"], "1990年3月25日").status_code == 401
    assert visitor.name_fact(LIN["email"], "W-2").status_code == 302


def test_of_two_of_one_birthday_the_name_says_who(post, visitor):
    admit(LIN, ZHOU | {"email": LIN["email"], "birth_date": LIN["birth_date"]})
    visitor.ask(LIN["email"])
    visitor.enter(LIN["email"], post.code(LIN["email"]))
    assert visitor.name_fact(LIN["email"], "1990-03-25", "周山").status_code == 401
    assert visitor.name_fact(LIN["email"], "1985-11-02", "周海").status_code == 401  # a name alone opens nobody
    assert visitor.name_fact(LIN["email"], "1990-03-25", " 周海 ").status_code == 302
    page = visitor.see("/portal/held")
    assert "周海" in page and "林婉清" not in page


@pytest.mark.parametrize("certainty", [None, 3], ids=["apart", "joined by linkage"])
def test_who_stands_here_twice_comes_in_as_the_first_of_the_two(post, visitor, certainty):
    first, second = admit(
        LIN, {name: LIN[name] for name in ("full_name", "email", "birth_date")} | {"external_id": "W-9"}
    )
    if certainty:
        link(first, second, certainty)
    visitor.ask(LIN["email"])
    visitor.enter(LIN["email"], post.code(LIN["email"]))
    assert visitor.name_fact(LIN["email"], "1990-03-25").status_code == 401
    assert visitor.name_fact(LIN["email"], "1990-03-25", "林婉清").status_code == 302
    page = visitor.see("/portal/held")
    assert "W-1" in page and "W-9" not in page  # the other is theirs once they name what it carries


def test_a_fact_without_a_code_opens_nobody(post, visitor):
    admit(LIN, ZHOU | {"email": LIN["email"]})
    visitor.ask(LIN["email"])
    assert visitor.name_fact(LIN["email"], "W-1").status_code == 401


def test_a_child_needs_the_fact_too(post, visitor):
    admit(LIN, age=1)
    visitor.ask(LIN["email"])
    assert "One more fact" in visitor.enter(LIN["email"], post.code(LIN["email"])).content.decode()
    assert visitor.name_fact(LIN["email"], "W-1").status_code == 302
    assert "林婉清" in visitor.see("/portal/held")


def test_a_mailbox_that_only_looks_alike_does_not_open_the_other(post, visitor):
    """The index folds accents: a code sent to the one mailbox must not open the owner of the other."""
    admit(LIN | {"email": "jose@mail.example"})
    other = "josé@mail.example"
    visitor.ask(other)
    code = post.code(other)  # the index finds somebody, so a letter goes out: to the mailbox that was typed
    assert visitor.enter(other, code).status_code == 401
    assert visitor.client.get("/portal").status_code == 302


def test_signing_out_ends_it_everywhere(post, visitor):
    admit(LIN)
    visitor.come_in(LIN["email"])
    secret = visitor.client.cookies["kehu_guest"].value
    answer = visitor.client.post("/portal/sign-out")
    assert answer["Location"] == "/portal/sign-in?done=signed-out"
    assert '"cache"' in answer["Clear-Site-Data"] and answer.cookies["kehu_guest"]["max-age"] == 0
    visitor.client.cookies["kehu_guest"] = secret  # somebody kept it
    assert visitor.client.get("/portal")["Location"] == "/portal/sign-in?done=ended"


def test_an_address_that_only_looks_alike_opens_nobody(database):
    admit(LIN)
    asked = codes.ask_code("lín@mail.example", client="192.0.2.7")
    with pytest.raises(codes.CodeRefused):
        sign_in.enter(asked.secret, "lín@mail.example", asked.code)


def test_an_address_that_was_put_right_opens_no_more(post, visitor):
    name, wrong = {"full_name": "林婉清"}, {"email": "stranger@mail.example"}
    work, twice, lin = admit(name | {"email": "work@mail.example"}, name | wrong, LIN | wrong)
    link(work, twice, 1)
    link(work, lin, 1)
    correct(lin, "email", LIN["email"], reason="typed wrongly at the counter", actor=staff("privacy"))
    visitor.ask("stranger@mail.example")
    assert visitor.enter("stranger@mail.example", post.code("stranger@mail.example")).status_code == 401
    for address in (LIN["email"], "work@mail.example"):  # the right one, and what else a record of theirs says
        other = Visitor(post)
        other.ask(address)
        assert other.enter(address, post.code(address))["Location"] == "/portal"


def test_cookies_hold_secrets_only_and_stay_at_this_door(post, visitor):
    admit(LIN)
    for answer, name in ((visitor.ask(LIN["email"]), "kehu_guest_code"), (None, "kehu_guest")):
        answer = answer or visitor.enter(LIN["email"], post.code(LIN["email"]))
        held = answer.cookies[name]
        assert held["httponly"] and held["samesite"] == "Lax" and held["path"] == "/portal" and not held["max-age"]
        assert re.fullmatch(r"[\w-]{43}", held.value)
        with connection.cursor() as cursor:
            for table in ("guest_code", "actor_state", "django_session"):
                cursor.execute(f"select coalesce(string_agg(t::text, ' '), '') from {table} t")
                assert held.value not in cursor.fetchone()[0]


def test_nothing_of_a_person_in_addresses_and_logs(post, visitor, caplog):
    admit(LIN)
    caplog.set_level(logging.DEBUG)
    visitor.ask(LIN["email"])
    visitor.enter(LIN["email"], "000000")
    answer = visitor.enter(LIN["email"], post.code(LIN["email"]))
    for path in ("/portal", "/portal/held", "/portal/uses", "/portal/requests"):
        page = visitor.see(path)
        links = " ".join(re.findall(r'(?:href|action|src)="([^"]*)"', page))
        assert not any(value in links for value in LIN.values())
    ours = [r for r in caplog.records if not r.name.startswith(("mail.", "asyncio", "aiosmtpd", "django.db"))]
    logged = answer["Location"] + " ".join(str(r.__dict__) for r in ours)
    assert not any(value in logged for value in LIN.values())


def test_a_server_that_takes_no_mail_is_no_failure_of_the_page(database, caplog):
    from django.test import override_settings

    admit(LIN)
    backend = {"EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend", "EMAIL_HOST": "127.0.0.1"}
    with override_settings(**backend, EMAIL_PORT=9):
        assert Visitor(None).ask(LIN["email"]).status_code == 200
        sign_in.drain()
    [said] = [r for r in caplog.records if r.name == "kehu.portal"]
    assert said.msg == "guest.mail.failed" and LIN["email"] not in str(said.__dict__)
