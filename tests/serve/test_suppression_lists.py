"""Suppression and do-not-call lists: in force at once, on whoever comes later, and past an erasure."""

from __future__ import annotations

import contextlib
import random
import re
from types import SimpleNamespace

import pytest
from django.db import connection, transaction

from kehu.govern.slugs import ACTIONS
from kehu.govern.subscriptions import Said, SuppressedHere, say, standing, subscriptions_of, suppress_all
from kehu.guard.gate.acts import Refused
from kehu.guard.gate.suppress import carry_suppressions
from kehu.guard.installation import installation
from kehu.serve.corrections.actions import correct
from kehu.serve.mailing import lists
from kehu.serve.upkeep.confirming import confirm
from kehu.vault import do_not_contact
from kehu.vault.assignment import assign
from kehu.vault.copying import int8_items
from kehu.vault.ids import new_id
from tests.cast import admit, staff
from tests.doors.web.browsing import signed_in, text_of

LIN = {"full_name": "林婉清", "email": "lin@mail.example"}
pytestmark = pytest.mark.usefixtures("database")


def said(subject):
    return {(one.medium, one.topic): one.status for one in standing(subject)}


def subscribe(subject, *, own=False, topic="newsletter"):
    tell(subject, "email", topic, Said("subscribed", way="x", ground="consent", own=own))


def suppress(subject, medium, topic):
    tell(subject, medium, topic, Said("suppressed", way="list"))


def tell(subject, medium, topic, told):
    say(subject, medium, topic, said=told, recorded_by=new_id(), id=new_id())


def test_a_list_stops_who_is_here_and_who_comes_later(tmp_path):
    mia = staff("marketing")
    lin, other = admit(LIN, {"email": "other@mail.example"})
    subscribe(lin)
    subscribe(other)
    file = tmp_path / "robinson.csv"
    file.write_text(
        "Address;since\nLIN@Mail.example;2024-01-01\nlater@mail.example;\n+8613800138000;\nnobody;\n", "utf-8"
    )
    done = lists.bring(file, "robinson", actor=mia)
    assert (done.rows, done.addresses, done.new, done.unread, done.customers) == (5, 3, 4, 2, 1)
    assert said(lin) == {("email", topic): "suppressed" for topic in ("newsletter", "offers", "events", "surveys")}
    assert said(other) == {("email", "newsletter"): "subscribed"}
    again = lists.bring(file, "robinson", actor=mia)
    assert (again.new, again.customers) == (0, 0)
    [later] = admit({"email": "later@mail.example"})  # an import tomorrow
    assert said(later)["email", "newsletter"] == "suppressed"
    with pytest.raises(SuppressedHere):
        subscribe(later)
    subscribe(later, own=True)  # their own word, afterwards
    assert said(later)["email", "newsletter"] == "subscribed"
    assert [(one.name, one.addresses, one.more) for one in lists.lists(actor=mia)] == [("robinson", 3, False)]
    kept = connection.cursor()
    kept.execute("select d::text from do_not_contact d", ())
    assert not re.search("later|lin@|13800138", " ".join(row[0] for row in kept.fetchall()))


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("a@mail.example; b@mail.example", 2), ("a@mail.example,b@mail.example", 2), ("a@mail.example b@mail.example;", 2),
        ("a@mail.example、b@mail.example；+8613800138000", 3), ("Lin, Mei <a@mail.example>", 1),
        ("+8613800138000/+8613900139000", 2), ("13800138000、13900139000", 2), ("138 0013 8000;139 0013 9000", 2),
        ("lin＠mail.example", 1), ("１３８００１３８０００／１３９００１３９０００", 2), ("\u202da@mail.example\u202c", 1),
        ("a@mail.example / 13800138000", 2), ("0755/83766666", 1), ("0755-83766666-808", 1), ("n/a", 0), ("@lin", 0),
    ],
)  # fmt: skip
def test_a_cell_with_several_addresses_stops_each(tmp_path, cell, found):
    file = tmp_path / "a.csv"
    file.write_text(f'name,"{cell}"\nother,\n', "utf-8")
    done = lists.bring(file, "robinson", actor=staff("marketing"), country="CN")
    assert (done.addresses, done.unread) == (found, 1 if found else 2)


def test_a_scope_is_a_medium_and_a_topic(tmp_path):
    mia = staff("marketing")
    [lin] = admit(LIN)
    file = tmp_path / "a.txt"
    file.write_text("lin@mail.example\n")
    lists.bring(file, "bounces", actor=mia, medium="email", topic="service-news")
    assert said(lin) == {("email", "service-news"): "suppressed"}
    assert lists.bring(file, "calls", actor=mia, medium="phone").addresses == 0  # an address by mail rings no phone
    for wrong in ({"medium": "fax"}, {"topic": "moon"}):
        with pytest.raises(ValueError):
            lists.bring(file, "x", actor=mia, **wrong)
    with pytest.raises(Refused):
        lists.bring(file, "x", actor=staff("analyst"))


def test_an_erasure_lifts_no_list(tmp_path):
    from kehu.govern.holders import holders

    mia = staff("marketing")
    file = tmp_path / "a.txt"
    file.write_text("lin@mail.example\n")
    [lin] = admit(LIN)
    lists.bring(file, "robinson", actor=mia)
    with transaction.atomic():
        for holder in holders():
            holder.erase(lin)
    token = installation().tokens.search("email", "exact", "lin@mail.example")
    assert do_not_contact.listed(connection.connection, [token])
    [back] = admit(LIN | {"full_name": "林"})
    assert said(back)["email", "offers"] == "suppressed"


def words(subjects):
    """What stands of whom, and what was said, without ids and times."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select subject, subscriptions::text, lifted::text from subject_state where subject = any (%s) order by 1",
            [subjects],
        )
        states = cursor.fetchall()
        cursor.execute(
            "select subject, medium, topic, status, way, ground, language, notice, evidence, proof from govern_subscription where subject = any (%s) order by 1, 2, 3, 4",
            [subjects],
        )
        return states, cursor.fetchall()


class TakenBack(Exception):
    pass


@pytest.mark.parametrize("seed", range(6))
def test_many_at_once_are_as_one_after_another(seed):
    """Customers of several records, certain and probable ones, of whom some said something before."""
    chance = random.Random(seed)
    people = sorted(admit(*({"email": f"p{n}@mail.example"} for n in range(14))))
    connection.ensure_connection()
    for _ in range(6):
        one, other = sorted(chance.sample(people, 2))
        with transaction.atomic():
            assign(connection.connection, [(one, other)], certainty=chance.choice((2, 3)), why=1, run=None, by=new_id())
    for one in chance.sample(people, 6):
        subscribe(one)
    for one in chance.sample(people, 2):
        suppress(one, "email", "offers")
    listed, keys = chance.sample(people, 9), [("email", "newsletter"), ("email", "offers")]
    found = []
    for at_once in (False, True):
        with contextlib.suppress(TakenBack), transaction.atomic():
            if at_once:
                told = suppress_all(listed, keys, way="list", recorded_by=new_id(), ids=iter(new_id, None))
            else:
                told = [subject for subject in sorted(listed) if one_by_one(subject, keys)]
            found.append((told, words(people)))
            raise TakenBack
    assert found[0] == found[1] and found[0][0]


def one_by_one(subject, keys):
    held = said(subject)
    left = [key for key in keys if held.get(key) != "suppressed"]
    for medium, topic in left:
        suppress(subject, medium, topic)
    return left


def test_one_row_of_the_ledger_tells_of_many_and_each_reads_it(tmp_path):
    mia = staff("marketing")
    people = admit(*({"email": f"p{n}@mail.example"} for n in range(3)))
    file = tmp_path / "a.txt"
    file.write_text("".join(f"p{n}@mail.example\n" for n in range(3)))
    lists.bring(file, "robinson", actor=mia)
    with connection.cursor() as cursor:
        cursor.execute(
            "select u.seq, u.position, u.subject from ledger_use u join ledger_entry e using (seq) where e.action = %s order by 2",
            [ACTIONS["subscribe"]],
        )
        rows = cursor.fetchall()
    assert len({seq for seq, _, _ in rows}) == 1
    assert [(position, subject) for _, position, subject in rows] == list(enumerate(sorted(people)))


def test_a_list_speaks_of_whoever_is_known_unless_they_subscribed_since(tmp_path):
    """An import brings the same people once more: the list of yesterday does not undo what they said today."""
    mia = staff("marketing")
    lin, mei = sorted(admit({"email": "lin@mail.example"}, {"email": "mei@mail.example"}))
    token = {lin: "lin@mail.example", mei: "mei@mail.example"}
    search = installation().tokens.search
    with transaction.atomic():
        for name, topic in (("first", ""), ("second", "newsletter")):
            do_not_contact.keep(
                connection.connection, [search("email", "exact", one) for one in token.values()], ["email"], topic, name
            )
    subscribe(lin, own=True)
    drafts = [
        SimpleNamespace(subject=one.bytes, tokens=int8_items([search("email", "exact", token[one])]), new_subject=False)
        for one in (lin, mei)
    ]
    for _ in range(2):
        with transaction.atomic():
            carry_suppressions(connection.connection, drafts, by=mia.staff)
    rest = {("email", topic): "suppressed" for topic in ("offers", "events", "surveys")}
    assert said(lin) == {("email", "newsletter"): "subscribed"} | rest
    assert said(mei) == {("email", "newsletter"): "suppressed"} | rest
    assert sorted((one.topic, one.way) for one in subscriptions_of(mei)) == [
        (topic, "first") for topic in ("events", "newsletter", "offers", "surveys")
    ]


@pytest.mark.parametrize("way", ["corrected", "confirmed"])
def test_whoever_gets_a_listed_address_by_an_edit_is_stopped(tmp_path, way):
    file = tmp_path / "a.txt"
    file.write_text("later@mail.example\n")
    lists.bring(file, "robinson", actor=staff("marketing"))
    [lin] = admit(LIN)
    if way == "corrected":
        correct(lin, "email", "later@mail.example", reason="they wrote", actor=staff("privacy"))
    else:
        confirm(lin, "email", value="later@mail.example", how="phone", actor=staff("service"))
    assert said(lin)["email", "newsletter"] == "suppressed"


def test_the_same_list_again_undoes_nothing_that_they_said_since(tmp_path):
    mia = staff("marketing")
    lin, mei = admit(LIN, {"email": "mei@mail.example"})
    file = tmp_path / "a.txt"
    file.write_text("lin@mail.example\n")
    lists.bring(file, "january", actor=mia)
    subscribe(lin, own=True)
    assert lists.bring(file, "january", actor=mia).customers == 0
    assert said(lin)["email", "newsletter"] == "subscribed"
    tell(lin, "email", "newsletter", Said("unsubscribed", way="portal", own=True))
    lists.bring(file, "january", actor=mia)  # they stopped it: nobody else starts it again
    assert said(lin)["email", "newsletter"] == "suppressed"
    subscribe(lin, own=True)
    assert lists.bring(file, "谢绝　来电", actor=mia).customers == 1  # another list says so for the first time
    assert said(lin)["email", "newsletter"] == "suppressed"
    subscribe(lin, own=True)
    assert lists.bring(file, "谢绝　来电", actor=mia).customers == 0  # and then no more than the first
    assert said(lin)["email", "newsletter"] == "subscribed"
    assert [(one.name, one.addresses) for one in lists.lists(actor=mia)] == [("january", 1), ("谢绝　来电", 1)]
    file.write_text("mei@mail.example\n")
    subscribe(mei, own=True)
    assert lists.bring(file, "april", actor=mia).customers == 1  # an address that is new on it
    assert said(mei)["email", "newsletter"] == "suppressed"


def test_of_a_list_of_a_whole_country_no_more_is_counted_than_is_said():
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into do_not_contact (token, medium, list) select n, m, 'country' from generate_series(1, 60000) n,"
            " unnest(array['sms', 'phone']) m"
        )
        cursor.execute(
            "insert into do_not_contact (token, medium, list) select n, 'email', 'own' from generate_series(1, 7) n"
        )
    country, own = lists.lists(actor=staff("marketing"))
    assert (country.name, country.more) == ("country", True) and 50_000 <= country.addresses <= 60_000
    assert (own.name, own.addresses, own.more) == ("own", 7, False)
    desk, _ = signed_in("marketing")
    page = text_of(desk.get("/lists"))
    assert f"至少 {country.addresses:,}" in page and ">7<" in page
