"""Tokens for a recipient outside: named to the gate, told to the customer, counted, let through, and known again."""

from __future__ import annotations

import base64
import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.db import connection, connections
from django.test import override_settings

from kehu.guard.gate.acts import ActRefused, Refused
from kehu.guard.gate.pulls import forget_pulls, pulled
from kehu.guard.installation import installation
from kehu.guard.staff.actions import actor_of, actor_of_token, add_staff, owner_actor
from kehu.guard.staff.models import Staff
from kehu.guard.staff.second_factor import enrol
from kehu.serve.assurance import queries as ledger
from kehu.serve.leaving import tokens
from kehu.serve.leaving.canary import trace
from kehu.serve.leaving.tokens import TokenOver
from tests.caller import LIN, Caller
from tests.cast import admit, staff

DAY = 24 * 3600


def people(number):
    return admit(*({"full_name": f"P{n}", "email": f"p{n}@mail.example"} for n in range(number)), packs=2)


@pytest.fixture
def print_house(database, monkeypatch):
    """The purpose's register names the recipient and its country; returns the name."""
    name, rules = f"Print House {uuid.uuid4().hex[:6]}", installation().rules
    from dataclasses import replace

    held = replace(rules.purposes["service"], recipients=frozenset({name}), countries=frozenset({"DE"}))
    monkeypatch.setitem(rules.purposes, "service", held)
    return name


def issued(recipient, role="service", purpose="service", **more):
    """A caller with a token for a recipient, and the token."""
    email = f"{role}@kehu.example"
    if not Staff.objects.filter(email=email).exists():
        add_staff(email=email, role=role, department=None, attest=True)
    options = {"recipient_kind": "processor", "country": "DE", "minutes": 30} | more
    text, held = tokens.issue(issued_by=owner_actor(), email=email, purpose=purpose, recipient=recipient, **options)
    return Caller(text), held


def asked_of(action):
    """What was asked in the newest row of an act, and the row's detail."""
    from kehu.govern.slugs import ACTIONS

    with connection.cursor() as cursor:
        cursor.execute(
            "select g.ask, e.detail, e.subjects from ledger_entry e join gate_decision g on g.id = e.decision"
            " where e.action = %s order by e.seq desc limit 1",
            [ACTIONS[action]],
        )
        ask, detail, subjects = cursor.fetchone()
    return json.loads(ask), detail, subjects


def test_every_use_names_recipient_and_country(print_house):
    [lin] = admit(LIN, packs=2)
    call, held = issued(print_house)
    there = {"recipient": print_house, "recipient_kind": "processor", "country": "DE"}
    uses = {
        "find": lambda: call("POST", "/find", {"criteria": {"email": LIN["email"]}}),
        "read": lambda: call("GET", f"/subjects/{lin}"),
        "explain": lambda: call("GET", f"/subjects/{lin}/explanation"),
        "match": lambda: call("POST", f"/subjects/{lin}/match", {"field": "birth_date", "said": "1990-03-14"}),
        "list": lambda: call("GET", "/subjects"),
    }
    for action, use in uses.items():
        found = use()
        assert found.status in (200, 403), (action, found.text)
        ask, _, subjects = asked_of(action)
        assert {name: ask[name] for name in there} == there, action
        assert subjects == 1 or action == "list", action
    [row] = [row for row in ledger.rows(actor=staff("auditor"), subject=lin) if row["action"] == "explain"]
    assert (row["recipient"], row["country"]) == (print_house, "DE")
    call("POST", "/find", {"criteria": {"email": "nobody@mail.example"}})  # a look-up without a hit is told, too
    assert asked_of("find")[0]["recipient"] == print_house
    assert tokens.token_of(held.id).pulled == 1


def test_a_recipient_or_country_that_the_register_does_not_name_gets_nothing(print_house):
    [lin] = admit(LIN, packs=2)
    assert issued(print_house)[0]("GET", f"/subjects/{lin}").status == 200
    for name, country in ((f"Other {uuid.uuid4().hex}", "DE"), (print_house, "BR")):
        call, _ = issued(name, country=country)
        refused = call("GET", f"/subjects/{lin}")
        assert refused.status == 403 and "lin@" not in refused.text
        assert call("GET", "/subjects").json["customers"] == []


def test_the_customer_reads_to_whom_it_went(print_house):
    from kehu.guard.ledger.own import own_ledger

    [lin, ming] = admit(LIN, {"full_name": "Ming", "email": "m@mail.example"}, packs=2)
    call, _ = issued(print_house)
    call("GET", f"/subjects/{lin}")
    call("GET", f"/subjects/{ming}/explanation")
    house = staff("privacy")
    told = {row.action: (row.recipient, row.country) for row in own_ledger(lin, actor=house).rows}
    assert told["read"] == (print_house, "DE") and told["collect"] == ("", "")
    from kehu.doors.web.portal.ledger import row_view

    words = [row_view(row).given for row in own_ledger(lin, actor=house).rows if row.action == "read"]
    assert words == [f"Given to {print_house} in DE"] or print_house in words[0]
    from kehu.serve.rights.copy.data import _row

    [copied] = [_row(row) for row in own_ledger(lin, actor=house).rows if row.action == "read"]
    assert (copied["recipient"], copied["country"]) == (print_house, "DE")


def test_it_asks_the_gate_and_does_nothing_else(print_house, kehu):
    [lin] = admit(LIN, packs=2)
    call, _ = issued(print_house, role="privacy", purpose="service")
    for method, path, body in (
        ("GET", f"/subjects/{lin}/consents", None),
        ("POST", f"/subjects/{lin}/consents", {"purpose": "marketing"}),
        ("POST", f"/subjects/{lin}/consents/withdrawals", {"purpose": "marketing"}),
        ("GET", "/ledger", None),
        ("GET", "/ledger/1/proof", None),
        ("POST", "/ledger/verifications", {}),
        ("GET", "/imports", None),
        ("GET", "/status", None),
        ("GET", "/purposes", None),
    ):
        found = call(method, path, body)
        assert (found.status, found.json["policy"]) == (403, "house.outside"), path
    assert asked_of("read-ledger")[0]["refused"] == "house.outside"  # it was asked for, and that is recorded
    code, answer = kehu("export", lin, "--to", "copy.age", token=call.token)
    assert code == 3 and answer["error"]["policy"] == "house.outside"
    with pytest.raises(Refused):  # whatever a door forgets
        from kehu.serve.rights.consents.actions import list_consents

        list_consents(lin, actor=actor_of_token(call.token))


def test_issuing_is_recorded_and_shows_the_second_factor(print_house):
    made, _ = add_staff(email="two@kehu.example", role="service", department=None, attest=True)
    secret = enrol(Staff.objects.get(email=made.email))
    options = {
        "issued_by": owner_actor(), "email": made.email, "purpose": "service", "minutes": 5, "recipient": print_house,
        "recipient_kind": "processor", "country": "DE",
    }  # fmt: skip
    with pytest.raises(Refused) as refused:
        tokens.issue(**options)
    assert refused.value.policy == "house.step-up" and asked_of("token")[0]["refused"] == "house.step-up"
    assert tokens.tokens(actor=owner_actor(), newest=None) == []
    code = TOTP(base64.b32decode(secret), 6, SHA1(), 30, enforce_key_length=True).generate(time.time()).decode()
    _, held = tokens.issue(**options, code=code)
    ask, detail, _ = asked_of("token")
    assert (ask["recipient"], ask["country"], detail) == (print_house, "DE", held.id) and "refused" not in ask
    with pytest.raises(ActRefused):
        tokens.issue(**options | {"issued_by": staff("privacy")})
    for wrong in ({"recipient": " "}, {"country": "Germany"}, {"recipient_kind": "friend"}, {"purpose": "fun"}):
        with pytest.raises(ValueError):
            tokens.issue(**options | wrong)


def test_beyond_a_size_it_stops_until_a_second_person_lets_it_go_on(print_house):
    first, second, third, fourth = people(4)
    privacy = staff("privacy")
    with override_settings(EXPORT_ALONE=2):
        call, held = issued(print_house)
        show = lambda subject, by=call: by("GET", f"/subjects/{subject}").status
        assert [show(first), show(first), show(second)] == [200, 200, 200]
        stopped = call("GET", f"/subjects/{third}")
        assert (stopped.status, stopped.json["policy"]) == (403, "house.second-person") and "P2" not in stopped.text
        assert asked_of("read")[0]["refused"] == "house.second-person" and asked_of("read")[2] == 1
        assert show(first) == 200  # no further customer
        for path, body in (("/find", {"criteria": {"email": "p2@mail.example"}}), (f"/subjects/{third}/match", {
            "field": "birth_date", "said": "1990-03-14"})):  # fmt: skip
            assert call("POST", path, body).status == 403, path
        assert call("GET", f"/subjects/{third}/explanation").status == call("GET", "/subjects").status == 403
        another, _ = issued(print_house.upper())  # a second token for the same recipient buys nothing
        assert show(fourth, another) == 403
        connections.close_all()  # another process: nothing of it is kept in memory
        assert tokens.token_of(held.id).state == "waiting" and show(third) == 403
        with pytest.raises(ActRefused):
            tokens.decide(held.id, actor=staff("manager"), approve=True)
        assert tokens.decide(held.id, actor=privacy, approve=True, most=3).state == "open"
        assert [show(third), show(fourth), show(fourth, another)] == [200, 403, 403]
        assert asked_of("approve")[1] == held.id
    assert pulled(print_house) == 3


def test_nobody_lets_their_own_token_go_on(print_house, database):
    with override_settings(EXPORT_ALONE=1):
        _, own = issued(print_house, role="privacy", purpose="service")
        with pytest.raises(Refused) as refused:
            tokens.decide(own.id, actor=actor_of("privacy@kehu.example"), approve=True)
        assert refused.value.policy == "house.second-person"
        assert asked_of("approve")[0]["refused"] == "house.second-person"
        human = Staff.objects.get(email="privacy@kehu.example").id
        with connection.cursor() as cursor, pytest.raises(Exception, match="another person"):  # nor past this program
            cursor.execute(
                "insert into outside_decision (token, decided_by, approved, most) values (%s, %s, true, 9)",
                [own.id, human],
            )
    with psycopg.connect(database.embedded.conninfo("kehu_app", connection.settings_dict["NAME"])) as app:
        for statement in (
            "update outside_token set recipient = 'Nobody'", "delete from outside_token", "delete from outside_decision",
            "update outside_decision set most = 999", "truncate outside_pull", "delete from outside_canary",
        ):  # fmt: skip
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(statement)
            app.rollback()


def test_what_counts_can_be_counted_down_by_nobody_but_the_day(print_house, database):
    [one] = people(1)
    call, _ = issued(print_house)
    call("GET", f"/subjects/{one}")
    for statement in ("delete from outside_pull", "update outside_pull set at = at - interval '2 days'"):
        with connection.cursor() as cursor, pytest.raises(Exception, match="count"):
            cursor.execute(statement)
    forget_pulls()
    assert pulled(print_house) == 1
    with psycopg.connect(database.embedded.conninfo("kehu_owner", connection.settings_dict["NAME"])) as owner:
        owner.execute("alter table outside_pull disable trigger outside_pull_counts")
        owner.execute("update outside_pull set at = at - interval '25 hours'")
        owner.execute("alter table outside_pull enable trigger outside_pull_counts")
        held = owner.execute("select recipient, customer from outside_pull").fetchall()
    assert all(one.bytes not in bytes(value) for row in held for value in row)
    assert pulled(print_house) == 0
    forget_pulls()
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from outside_pull")
        assert cursor.fetchone()[0] == 0


def test_two_at_once_do_not_both_take_the_last_place(print_house):
    subjects = people(12)
    with override_settings(EXPORT_ALONE=5):
        call, _ = issued(print_house)

        def show(subject):
            try:
                return call("GET", f"/subjects/{subject}").status
            finally:
                connections.close_all()

        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(show, subjects))
    assert (answers.count(200), answers.count(403)) == (5, 7) and pulled(print_house) == 5


def test_refused_it_ends_at_once(print_house):
    [one] = people(1)
    call, held = issued(print_house)
    assert call("GET", f"/subjects/{one}").status == 200
    assert tokens.decide(held.id, actor=staff("legal"), approve=False).state == "ended"
    assert call("GET", f"/subjects/{one}").status == 401
    with pytest.raises(TokenOver):
        tokens.decide(held.id, actor=staff("privacy"), approve=True)


def test_its_answers_hold_one_made_up_customer_by_whom_a_copy_is_known(print_house, tmp_path):
    subjects, copies = people(6), {}
    for _ in range(2):
        call, held = issued(print_house)
        found, after = [], None
        while True:
            page = call("GET", f"/subjects?limit=3{f'&after={after}' if after else ''}").json
            assert len(page["customers"]) <= 3
            found += page["customers"]
            if (after := page["next"]) is None:
                break
        assert [one["subject"] for one in found] == sorted((one["subject"] for one in found), reverse=True)
        assert {one["subject"] for one in found} == {str(one) for one in subjects} | {str(held.canary)}
        copies[held.id] = call, held, found
    for id, (call, held, found) in copies.items():
        [line] = [one for one in found if one["subject"] == str(held.canary)]
        other = next(one for one in found if one is not line)
        assert set(other["fields"]) <= set(line["fields"]) and set(line) == set(other)
        assert call("GET", f"/subjects/{held.canary}").json["fields"].items() >= line["fields"].items()
        by_address = call("POST", "/find", {"criteria": {"email": line["fields"]["email"].upper()}})
        assert by_address.json["subjects"] == [str(held.canary)]
        assert call("GET", f"/subjects/{held.canary}/explanation").status == 200
        asked = {"field": "birth_date", "said": "1990-03-14"}
        assert call("POST", f"/subjects/{held.canary}/match", asked).json["match"] is None
        # another form of the file, cut anywhere, without our ids; in letters of two bytes, too
        leaked = f"Mail;Name\n<{line['fields']['email'].upper()}>.;x\n"
        for text in (leaked.encode(), leaked.encode("utf-16")):
            assert [copy for copy, _ in trace(text[n : n + 5] for n in range(0, len(text), 5))] == [id]
        assert trace([json.dumps([one for one in found if one is not line]).encode()]) == []
        for stranger in (copies[next(k for k in copies if k != id)][0], issued(print_house)[0]):
            assert stranger("GET", f"/subjects/{held.canary}").status == 404
            assert stranger("POST", "/find", {"criteria": {"email": line["fields"]["email"]}}).json["subjects"] == []
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from subject_state")
        assert cursor.fetchone()[0] == len(subjects)
    assert pulled(print_house) == len(subjects)  # the made-up one counts as nobody


def test_the_made_up_customer_is_refused_where_everybody_is(print_house):
    [one] = people(1)
    call, held = issued(print_house, country="BR")
    real, made_up = (call("GET", f"/subjects/{subject}") for subject in (one, held.canary))
    assert real.status == made_up.status == 403
    assert real.json["policy"] == made_up.json["policy"]
    assert call("GET", "/subjects").json["customers"] == []
    Staff.objects.filter(email="service@kehu.example").update(agreement_until=None)
    with connection.cursor() as cursor:
        cursor.execute("update actor_state set agreement_until = null where actor = %s", [held.credential])
    real, made_up = (call("GET", f"/subjects/{subject}") for subject in (one, held.canary))
    assert real.status == made_up.status == 403 and real.json["policy"] == made_up.json["policy"]


def test_a_token_of_the_house_lists_masked_and_meets_nobody_made_up(caller):
    subjects = people(3)
    page = caller("service", "service")("GET", "/subjects").json
    assert [one["subject"] for one in page["customers"]] == [str(one) for one in reversed(subjects)]
    assert all(one["fields"].keys().isdisjoint({"email", "full_name"}) for one in page["customers"])
    assert "p0@mail.example" not in json.dumps(page) and page["next"] is None
    assert caller("engineer", "service")("GET", "/subjects").status == 403


def test_commands_of_a_token_for_a_recipient(print_house, kehu, tmp_path):
    add_staff(email="li@kehu.example", role="service", department=None, attest=True)
    privacy, _ = add_staff(email="office@kehu.example", role="privacy", department=None, attest=True)
    from kehu.guard.staff.actions import issue_token

    words = ("token", "issue", "--staff", "li@kehu.example", "--purpose", "service")
    assert kehu(*words, "--recipient", print_house)[0] == 2  # both or neither
    assert kehu(*words, "--country", "DE")[0] == 2
    made = kehu(*words, "--recipient", print_house, "--recipient-kind", "processor", "--country", "de")[1]
    assert set(made) == {"token", "expires_at", "id", "recipient", "as", "country"} and made["country"] == "DE"
    office = issue_token(email=privacy.email, purpose="rights-request", minutes=5)[0]
    [line] = kehu("token", "list", token=office)[1]["tokens"]
    assert (line["id"], line["state"], line["customers"]) == (made["id"], "open", 0)
    [line] = kehu("token", "approve", made["id"], "--customers", 9000, token=office)[1]["tokens"]
    assert line["most"] == 9000
    people(1)
    page = Caller(made["token"])("GET", "/subjects").json
    leaked = tmp_path / "leaked.json"
    leaked.write_text(json.dumps(page))
    [copy] = kehu("exports", "trace", leaked, token=office)[1]["copies"]
    assert (copy["what"], copy["id"], copy["recipient"]) == ("token", made["id"], print_house) and copy["found"] >= 2
    [line] = kehu("token", "refuse", made["id"], token=office)[1]["tokens"]
    assert line["state"] == "ended"
    assert kehu("token", "approve", made["id"], token=office)[0] == 3
    assert kehu("token", "approve", uuid.uuid4(), token=office)[0] == 1
