"""A suppression list by way of a page: it is looked at, acts when whoever sent it says so, and leaves nothing of its file."""

from __future__ import annotations

import io
from uuid import UUID

import psycopg
import pytest
from django.db import connection

from kehu.collect.imports import draft, staging
from kehu.collect.models import Staged
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused
from kehu.guard.staff.models import Staff
from kehu.host.database import Database
from kehu.host.home import Home
from kehu.host.jobs import run_pending
from kehu.serve.assurance import queries as ledger
from kehu.serve.mailing import bringing, lists
from kehu.serve.mailing.lists import Scope
from kehu.serve.mailing.models import Bringing
from tests.cast import admit, staff
from tests.serve.test_suppression_lists import said, subscribe

pytestmark = pytest.mark.usefixtures("database")
FILE = "email;note\nlin@mail.example;a\nlater@mail.example;b\n;nobody\n"


def sent(actor: Actor, text: str = FILE) -> UUID:
    return staging.stage(io.BytesIO(text.encode()), name="robinson.csv", actor=actor, use="list")


def test_it_is_looked_at_first_and_acts_when_told_to():
    mia = staff("marketing")
    lin, *_ = admit({"email": "lin@mail.example"}, *({"email": f"p{n}@mail.example"} for n in range(3)))
    subscribe(lin)
    staged = sent(mia)
    assert draft.left_of(actor=mia) == []  # nobody imports it by mistake
    with pytest.raises(Staged.DoesNotExist):
        draft.draft_of(staged, actor=mia)
    id = bringing.begin(staged, Scope(" robinson "), actor=mia)
    run_pending()
    row = bringing.one(id, actor=mia)
    assert (row.state, row.list, row.expected, row.addresses, row.unread, row.tenths) == (
        "looked",
        "robinson",
        4,
        2,
        2,
        0,
    )
    assert said(lin) == {("email", "newsletter"): "subscribed"} and lists.lists(actor=mia) == []
    bringing.put_in_force(id, actor=mia)
    run_pending()
    row = bringing.one(id, actor=mia)
    assert (row.state, row.rows, row.addresses, row.new, row.unread, row.customers) == ("done", 4, 2, 2, 2, 1)
    assert said(lin)["email", "newsletter"] == "suppressed"
    assert not Staged.objects.exists() and staged not in staging.spooled()
    assert [one.id for one in bringing.recent(actor=mia)] == [id]
    with connection.cursor() as cursor:
        cursor.execute("select b::text from mailing_bringing b", ())
        assert "mail.example" not in cursor.fetchone()[0]


def test_looking_at_a_list_tells_nothing_of_one_address_and_stands_in_the_ledger():
    mia, auditor = staff("marketing"), staff("auditor")
    admit(*({"email": f"p{n}@mail.example"} for n in range(12)))
    told = []
    for here in (0, 1, 9, 10, 11, 12):
        file = "".join(f"p{n}@mail.example\n" for n in range(here)) + "nobody@mail.example\n"
        id = bringing.begin(sent(mia, file), Scope("robinson"), actor=mia)
        run_pending()
        told.append(bringing.one(id, actor=mia).tenths)
    assert told == [0, 0, 0, 8, 8, 8]  # 10 of 12 at least
    looks = [row for row in ledger.rows(actor=auditor) if row["action"] == "subscribe"]
    assert [(row["subjects"], row["human"]) for row in looks] == [(0, "marketing@kehu.example")] * len(told)


def test_only_who_sent_it_lets_it_act_or_gives_it_up():
    mia, sam, ana = staff("marketing"), staff("service"), staff("analyst")
    staged = sent(mia)
    id = bringing.begin(staged, Scope("robinson"), actor=mia)
    with pytest.raises(bringing.UnknownBringing):  # it is still being looked at
        bringing.put_in_force(id, actor=mia)
    run_pending()
    for act in (bringing.put_in_force, bringing.give_up):
        with pytest.raises(bringing.UnknownBringing):
            act(id, actor=sam)
        with pytest.raises(Refused):
            act(id, actor=ana)
    bringing.give_up(id, actor=mia)
    assert not Bringing.objects.exists() and staged not in staging.spooled()


def test_what_is_given_up_is_put_in_force_by_nobody_at_that_moment(monkeypatch):
    mia = staff("marketing")
    staged, told, discard = sent(mia), [], bringing.discard
    id = bringing.begin(staged, Scope("robinson"), actor=mia)
    run_pending()

    def meanwhile(upload):
        with pytest.raises(bringing.UnknownBringing):
            bringing.put_in_force(id, actor=mia)
        told.append(upload)
        discard(upload)

    monkeypatch.setattr(bringing, "discard", meanwhile)
    bringing.give_up(id, actor=mia)
    assert told == [staged] and staged not in staging.spooled() and not Bringing.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [Scope(""), Scope("x" * 41), Scope("a\0b"), Scope("x", "fax"), Scope("x", topic="moon"), Scope("x", country="XX")],
)
def test_what_no_list_says_is_refused_and_nothing_kept(wrong):
    mia = staff("marketing")
    staged = sent(mia)
    with pytest.raises(ValueError):
        bringing.begin(staged, wrong, actor=mia)
    assert staged not in staging.spooled() and not Bringing.objects.exists()


def test_whatever_keeps_it_from_being_looked_at_nothing_of_it_is_kept(monkeypatch):
    mia = staff("marketing")
    staged = sent(mia)
    monkeypatch.setattr(bringing.work_on_list, "defer", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bringing.begin(staged, Scope("x"), actor=mia)
    assert staged not in staging.spooled() and not Bringing.objects.exists()


def test_what_cannot_be_read_says_why_and_is_gone():
    mia = staff("marketing")
    broken = bringing.begin(damaged := sent(mia, "PK\x03\x04 no workbook"), Scope("x"), actor=mia)
    gone = bringing.begin(lost := sent(mia), Scope("x"), actor=mia)
    staging.discard(lost)
    run_pending()
    faults = [bringing.one(id, actor=mia).fault for id in (broken, gone)]
    assert faults[0] and faults[1] == "gone"
    assert damaged not in staging.spooled()


def test_whoever_left_stops_nobody():
    mia = staff("marketing")
    [lin] = admit({"email": "lin@mail.example"})
    id = bringing.begin(staged := sent(mia), Scope("x"), actor=mia)
    run_pending()
    bringing.put_in_force(id, actor=mia)
    Staff.objects.filter(id=mia.staff).update(is_active=False)
    run_pending()
    assert Bringing.objects.get(id=id).fault == "left" and said(lin) == {} and staged not in staging.spooled()


@pytest.mark.parametrize("tried", [0, 9])
def test_whose_database_goes_away_midway_it_goes_on_when_that_is_back(monkeypatch, tried):
    mia = staff("marketing")
    [lin] = admit({"email": "lin@mail.example"})
    id = bringing.begin(staged := sent(mia), Scope("x"), actor=mia)
    run_pending()
    bringing.put_in_force(id, actor=mia)
    with connection.cursor() as cursor:
        cursor.execute("update procrastinate_jobs set attempts = %s", [tried])
    keep = lists.do_not_contact.keep

    def cut(raw, *rest):
        with psycopg.connect(Database(Home.current()).conninfo("kehu_owner")) as owner:
            owner.execute("select pg_terminate_backend(%s, 5000)", [raw.info.backend_pid])
        return keep(raw, *rest)

    with monkeypatch.context() as away:
        away.setattr(lists.do_not_contact, "keep", cut)
        run_pending()
    row = Bringing.objects.get(id=id)
    if tried:  # after some hours of it nobody waits any more
        assert (row.state, row.fault) == ("failed", "broken") and staged not in staging.spooled()
        return
    assert (row.state, row.rows) == ("stopping", 0)
    with connection.cursor() as cursor:
        cursor.execute("update procrastinate_jobs set scheduled_at = null", ())
    run_pending()
    row = Bringing.objects.get(id=id)
    assert (row.state, row.rows, row.new) == ("done", 4, 2) and staged not in staging.spooled()
    assert said(lin)["email", "offers"] == "suppressed"


class Killed(BaseException):
    pass


def test_killed_midway_it_goes_on_where_it_was(monkeypatch):
    mia = staff("marketing")
    people = admit(*({"email": f"p{n}@mail.example"} for n in range(6)))
    whole = "".join(f"p{n}@mail.example\n" for n in range(6))
    id = bringing.begin(sent(mia, whole), Scope("x"), actor=mia)
    run_pending()
    bringing.put_in_force(id, actor=mia)
    read, told = lists.bring_from, []

    def in_twos(source, scope, **rest):
        class Parts:
            def batches(self):
                [batch] = source.batches()
                for start in range(0, 6, 2):
                    told.append(start)
                    yield type(batch)(batch.frame[start : start + 2], [])

        return read(Parts(), scope, **rest)

    def killed(source, scope, **rest):
        def dies(batches, done):
            rest["told"](batches, done)
            raise Killed

        return in_twos(source, scope, **rest | {"told": dies})

    for work in (killed, in_twos):
        monkeypatch.setattr(lists, "bring_from", work)
        try:
            bringing.work(id)
        except Killed:
            assert Bringing.objects.get(id=id).rows == 2
    row = Bringing.objects.get(id=id)
    assert (row.state, row.rows, row.addresses, row.new, row.customers) == ("done", 6, 6, 6, 6)
    assert all(said(one)["email", "offers"] == "suppressed" for one in people)
