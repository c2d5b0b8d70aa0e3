"""No value in clear anywhere (promise V1): a marked person is brought in, read, failed on, then grepped for."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from kehu.guard.gate.read import LedgerUnavailable, gate
from kehu.guard.setup import open_owner
from kehu.serve.desk import queries
from tests.cast import admit, staff
from tests.places import places

MARK = "canaryzq7391"
MARKED = {"full_name": f"{MARK} name", "email": f"{MARK}@mail.example", "phone": f"+86{MARK}", "street": f"{MARK} road"}


def places_with(mark: str, database) -> set[str]:
    """Every file of the home, of the database's folder and of the temp folder that holds the mark."""
    with open_owner(database) as owner:
        owner.execute("checkpoint")
    roots = places(database)
    found = subprocess.run(["grep", "-rlaF", mark, *roots], capture_output=True, text=True).stdout.splitlines()
    names = set()
    for path in found:
        parts = ["base" if part.startswith("PG_") else part for part in Path(path).parts]  # of a tablespace
        kind = next((part for part in parts if part in ("pg_wal", "base", "log")), Path(path).name)
        names.add(kind)
    return names


def test_a_marked_person_is_found_nowhere_in_clear(database, capfd):
    alice = staff("service")
    [subject] = admit(MARKED)
    seen = queries.show(subject, actor=alice, purpose="service")
    assert seen.fields["email"] == MARKED["email"]
    assert queries.find({"email": MARKED["email"]}, actor=alice, purpose="service")[0] == [subject]
    with open_owner(database) as owner:
        owner.execute(
            "create function refuse_it() returns trigger language plpgsql as 'begin raise exception ''no''; end'"
        )
        owner.execute(
            "create trigger refuse_it before insert on ledger_entry for each row execute function refuse_it()"
        )
    with pytest.raises(LedgerUnavailable):
        queries.find({"email": MARKED["email"]}, actor=alice, purpose="service")
    assert places_with(MARK, database) == set()
    out = capfd.readouterr()
    assert MARK not in out.out + out.err


def test_the_search_finds_a_leak_where_there_is_one(database):
    """The control: without it the test above would pass whatever it looked at."""
    with open_owner(database) as owner:
        owner.execute("create table leaky (value text)")
        owner.execute("insert into leaky values (%s)", ("leakedzq8842",))
    assert {"base", "pg_wal"} <= places_with("leakedzq8842", database)
    assert os.environ["KEHU_HOME"]
    assert gate()
