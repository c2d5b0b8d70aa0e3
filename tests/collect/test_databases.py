"""Reading other databases: PostgreSQL and SQLite, from where it ended on, changing nothing there, and telling nothing of the address."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
import uuid

import psycopg
import pytest
from django.db import IntegrityError, connection

from kehu.collect import databases
from kehu.collect.databases import Wanted, read_database
from kehu.collect.imports import staging
from kehu.collect.models import Import, ReadUpTo, Staged
from kehu.collect.readers import UnreadableSource
from kehu.guard.staff.actions import owner_actor
from tests import memory

pytestmark = pytest.mark.usefixtures("database")
ROWS = [
    (1, "林婉清", "lin@mail.example", "2026-01-01 10:00:00+00", b"\x89PNG", "1990-04-05"),
    (2, "Mira Hoffmann", "mira@mail.example", "2026-01-02 10:00:00+00", None, None),
    (3, "Ona Petrauskas", "ona@mail.example", "2026-01-02 10:00:00+00", None, "1971-12-31"),
    (4, "No Time", "no@mail.example", None, None, None),
]
MAKE = (
    'create table "Kunden Liste" (id integer primary key, full_name text, email text, updated_at {moment}, photo {blob},'
    " birth_date {date})"
)


class Postgres:
    """A database of its own on the tests' server."""

    def __init__(self, server) -> None:
        self.name, self._server = f"crm{uuid.uuid4().hex[:8]}", server
        with psycopg.connect(server.embedded.conninfo("kehu_owner", "postgres"), autocommit=True) as owner:
            owner.execute(f"create database {self.name}")
        self.run(MAKE.format(moment="timestamptz", blob="bytea", date="date"))
        held = psycopg.conninfo.conninfo_to_dict(server.embedded.conninfo("kehu_owner", self.name))
        port = held.get("port", "5432")
        self.url = f"postgresql://kehu_owner:p4ss-word@/{self.name}?host={held['host']}&port={port}"

    def run(self, statement: str, *values) -> list:
        with psycopg.connect(self._server.embedded.conninfo("kehu_owner", self.name), autocommit=True) as there:
            found = there.execute(statement.replace("?", "%s"), values or None)
            return found.fetchall() if found.description else []

    def end(self) -> None:
        with psycopg.connect(self._server.embedded.conninfo("kehu_owner", "postgres"), autocommit=True) as owner:
            owner.execute(f"drop database {self.name} with (force)")


class Sqlite:
    """A database in a file."""

    def __init__(self, path) -> None:
        self._path, self.url = path / "crm.sqlite3", f"sqlite:///{path / 'crm.sqlite3'}"
        self.run(MAKE.format(moment="text", blob="blob", date="text"))

    def run(self, statement: str, *values) -> list:
        there = sqlite3.connect(self._path)
        try:
            found = there.execute(statement, values).fetchall()
            there.commit()
            return found
        finally:
            there.close()

    def end(self) -> None:
        """It goes with its folder."""


@pytest.fixture
def there(request, database, tmp_path):
    held = Postgres(database) if getattr(request, "param", "sqlite") == "postgresql" else Sqlite(tmp_path)
    for row in ROWS:
        held.run('insert into "Kunden Liste" values (?, ?, ?, ?, ?, ?)', *row)
    yield held
    held.end()


BOTH = pytest.mark.parametrize("there", ["postgresql", "sqlite"], indirect=True)


@pytest.fixture
def spooled():
    """Uploads that came to lie in the spool since the test began."""
    before = set(staging.spooled())
    return lambda: set(staging.spooled()) - before


@pytest.fixture
def reading(there, tmp_path, kehu):
    """Import from it by the command line."""
    file = tmp_path / "crm.url"
    file.write_text(there.url + "\n")
    file.chmod(0o600)

    def run(*words, table="Kunden Liste"):
        named = ("--table", table) if table else ()
        return kehu(
            "import",
            "--from-url-file",
            file,
            *named,
            "--channel",
            "file",
            "--basis",
            "contract",
            "--residence",
            "DE",
            *words,
        )

    run.file = file
    return run


@pytest.mark.parametrize("there", ["postgresql"], indirect=True)
def test_rows_come_in_as_from_a_file_and_nothing_is_left_behind(reading, there, desk, spooled):
    dry = reading("--dry-run").json
    assert dry["rows"] == 4 and dry["mapping"]["email"] == "email" and Staged.objects.count() == 0
    assert "lin@mail.example" not in json.dumps(dry)
    done = reading()
    assert done.counts() == (4, 4, 0, 0, 0, 0)
    [lin] = desk.find("email=lin@mail.example")
    shown = desk.show(lin).json["fields"]
    assert shown["full_name"] == "林婉清" and "PNG" not in json.dumps(shown)
    assert Staged.objects.count() == 0 and spooled() == set()
    assert there.run('select count(*) from "Kunden Liste"') == [(4,)]


@BOTH
def test_it_goes_on_from_where_it_ended(reading, there, database):
    assert reading("--cursor", "updated_at").counts()[:2] == (4, 4)
    # the last moment once more, and what never says when
    assert reading("--cursor", "updated_at").counts() == (3, 0, 0, 0, 3, 0)
    there.run(
        """insert into "Kunden Liste" values (5, 'Late', 'late@mail.example', '2026-01-02 10:00:00+00', null, null)"""
    )
    there.run(
        """update "Kunden Liste" set email = 'new@mail.example', updated_at = '2026-03-01 00:00:00+00' where id = 1"""
    )
    rows, created, updated, _, duplicates, _ = reading("--cursor", "updated_at").counts()
    assert (rows, created + updated, duplicates) == (5, 2, 3)
    assert reading("--cursor", "updated_at").counts()[0] == 2
    assert reading("--cursor", "updated_at", "--from-start").counts()[0] == 5
    [held] = ReadUpTo.objects.all()
    assert b"2026" not in bytes(held.sealed)
    with connection.cursor() as cursor:  # each position has one key, and those before are gone
        cursor.execute(
            "select count(*) from subject_key where subject = any (%s)", [[one.id for one in ReadUpTo.objects.all()]]
        )
        assert cursor.fetchone()[0] == 1


@pytest.mark.parametrize("kind", ["float8", "numeric"])
@pytest.mark.parametrize("there", ["postgresql"], indirect=True)
def test_a_number_that_is_none_stops_nothing_that_comes_after(reading, there, tmp_path, kind):
    there.run(f"create table scores (id integer, full_name text, email text, score {kind})")
    for id, score in ((1, "1"), (2, "NaN"), (3, "Infinity")):
        there.run("insert into scores values (?, ?, ?, ?)", id, f"P {id}", f"p{id}@mail.example", score)
    assert reading("--cursor", "score", table="scores").counts()[:2] == (3, 3)
    there.run("insert into scores values (4, 'P 4', 'p4@mail.example', 2)")
    rows, created, *_ = reading("--cursor", "score", table="scores").counts()
    assert created == 1 and rows == 4  # the last number once more, and what is none each time


@pytest.mark.parametrize("kind", ["timestamptz", "timestamp", "date"])
@pytest.mark.parametrize("there", ["postgresql"], indirect=True)
def test_a_day_without_an_end_stops_nothing(reading, there, kind):
    """PostgreSQL has days that Python has not: a contract runs to infinity."""
    there.run(f"create table terms (id integer, full_name text, email text, runs_to {kind})")
    for id, day in ((1, "2026-01-01"), (2, "infinity"), (3, "-infinity"), (4, "12026-01-01"), (5, "0044-03-15 BC")):
        there.run("insert into terms values (?, ?, ?, ?)", id, f"P {id}", f"p{id}@mail.example", day)
    assert reading("--cursor", "runs_to", table="terms").counts()[:2] == (5, 5)
    there.run("insert into terms values (6, 'P 6', 'p6@mail.example', '2026-02-01')")
    rows, created, *_ = reading("--cursor", "runs_to", table="terms").counts()
    assert (rows, created) == (4, 1)  # the last day once more, and what comes after every day


def test_a_position_moves_on_only_with_what_came_in(reading, there, monkeypatch):
    from kehu.collect.imports import actions

    def broken(*_, **__):
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(actions, "run", broken)
        assert reading("--cursor", "id").code != 0
    assert ReadUpTo.objects.count() == 0
    assert reading("--cursor", "id").counts() == (4, 4, 0, 0, 0, 0)


def test_two_who_read_the_same_at_once_note_one_position(monkeypatch):
    """Also where none was noted before, and no row is there to wait for."""
    found, both, wrong = databases.Found(None, 0, b"m" * 16, 7), threading.Barrier(2), []
    seal = databases.seal_aside

    def meet(*told):
        with contextlib.suppress(threading.BrokenBarrierError):  # the other waits for this one: then they never meet
            both.wait(0.5)
        return seal(*told)

    def note():
        try:
            databases.note_position(found, actor=owner_actor())
        except IntegrityError as error:
            wrong.append(error)
        finally:
            connection.close()

    monkeypatch.setattr(databases, "seal_aside", meet)
    threads = [threading.Thread(target=note) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert wrong == [] and ReadUpTo.objects.count() == 1


@BOTH
def test_a_query_says_which_rows_and_no_more_than_a_query(reading, there, tmp_path):
    def query(text: str):
        file = tmp_path / "q.sql"
        file.write_text(text)
        return reading("--query-file", file, "--cursor", "id", table=None)

    done = query(
        """select id, full_name, email from "Kunden Liste" where email like '%mail.example' and ':x' = ':x' and id < 3 -- two"""
    )
    assert done.counts() == (2, 2, 0, 0, 0, 0)
    done = query(
        r"""select id, email from "Kunden Liste" where email like 'on_\@%' escape '\' and length('\:\\::') = 6"""
    )
    assert done.counts() == (1, 1, 0, 0, 0, 0)
    for text in (
        """delete from "Kunden Liste" """, """select 1 as id) q; delete from "Kunden Liste"; --""",
        """with gone as (delete from "Kunden Liste" returning *) select * from gone""", "select * from nowhere", "",
    ):  # fmt: skip
        done = query(text)
        assert done.code == 1 and done.json["error"]["code"] == "bad_query", (text, done)
    assert there.run('select count(*) from "Kunden Liste"') == [(4,)]
    if isinstance(there, Postgres):  # what a select itself may change, its transaction does not let it
        there.run("create sequence counted")
        assert query("select nextval('counted') as id").json["error"]["code"] == "bad_query"
        assert there.run("select is_called from counted") == [(False,)]


def test_what_cannot_be_followed_is_told_without_the_address(reading, kehu, spooled):
    def refused(*words, **more) -> str:
        done = reading(*words, **more)
        text = json.dumps(done.json) + "".join(done.lines)
        assert done.code != 0 and "p4ss-word" not in text and "Traceback" not in text and "sqlite3" not in text, text
        return done.json["error"]["code"]

    assert refused(table="nowhere") == "bad_query"
    assert refused("--cursor", "nothing") in ("bad_query", "bad_cursor")
    assert refused("--cursor", "photo") in ("bad_cursor", "bad_query")
    assert refused("--query-file", reading.file) == "usage"  # a table and a query
    url = reading.file.read_text()
    for text, code in (
        ("", "bad_url"), ("no address", "bad_url"), ("nothing://p4ss-word@x/y", "bad_url"), ("mysql+pymysql://u:p4ss-word@127.0.0.1:1/x", "no_driver"),
        ("postgresql://u:p4ss-word@127.0.0.1:1/x", "no_connection"), ("sqlite:////nowhere/at/p4ss-word", "no_connection"),
    ):  # fmt: skip
        reading.file.write_text(text)
        assert refused() == code, text
    reading.file.write_text(url)
    reading.file.chmod(0o644)
    assert refused() == "url_mode"
    assert kehu("import", "--table", "x", "--channel", "file", "--basis", "contract").json["error"]["code"] == "usage"
    assert Import.objects.count() == 0 and Staged.objects.count() == 0 and spooled() == set()


def test_terms_that_are_refused_leave_no_upload(reading, spooled):
    assert reading("--map", "no_such_field=email").code == 2
    assert Staged.objects.count() == 0 and spooled() == set()


def test_many_rows_lie_in_memory_a_thousand_at_a_time(database, tmp_path):
    held = Postgres(database)
    try:
        held.run(
            """insert into "Kunden Liste" select n, 'P' || n, repeat('x', 2000) || n || '@mail.example', now(), null, null
            from generate_series(1, 30000) n"""
        )
        file = tmp_path / "crm.url"
        file.write_text(held.url)
        os.chmod(file, 0o600)

        memory.begin()
        before = memory.most()
        found = read_database(Wanted(file, "Kunden Liste", cursor="id"), channel="file", actor=owner_actor())
        grown = memory.most() - before
        assert found.rows == 30_000 and found.up_to == 30_000
        assert Staged.objects.get().size > 55 << 20 and grown < 40  # MB; all of it at once would be well over a hundred
        staging.discard(found.staged)
    finally:
        held.end()


def test_a_value_is_the_same_after_it_was_packed():
    from datetime import UTC, date, datetime
    from decimal import Decimal

    for value in (7, "2026-01-02", Decimal("1.10"), datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), datetime(2026, 1, 2), date(2026, 1, 2),
                  uuid.uuid4(), 1.5):  # fmt: skip
        found = databases._unpacked(json.loads(json.dumps(databases._packed(value))))
        assert found == value and type(found) is type(value)
    assert databases._unpacked(databases._packed(True)) == 1  # SQLite's own: a truth value is a number there


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UnreadableSource, match="cannot be read"):
        read_database(Wanted(tmp_path / "none", "x"), channel="file", actor=owner_actor())
