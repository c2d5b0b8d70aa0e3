"""A row whose time is over loses its body and keeps its hash; one whose body went otherwise is named."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import connection, transaction
from django.test import override_settings

from kehu.govern.states import enter
from kehu.guard.gate.acts import ActRefused
from kehu.guard.gate.read import gate, raw_connection
from kehu.guard.installation import installation
from kehu.guard.ledger.leaf import LEAF_COLUMNS, leaf_of
from kehu.guard.ledger.open_log import open_sequencer
from kehu.guard.ledger.retirement import retire
from kehu.guard.ledger.uses import forget_uses
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import owner_actor
from kehu.serve.assurance import queries
from kehu.vault.erasure import destroy
from kehu.vault.ids import new_id
from tests.cast import admit, staff
from tests.commands import run

GONE = "the row is gone, its leaf is there"
OLD = 1_200


@pytest.fixture
def aged(database):
    """Ten reads of three people, the first six of them of over three years ago; returns (people, seqs)."""
    alice = staff("service")
    people = admit(*({"full_name": f"客户{n}", "email": f"c{n}@mail.example"} for n in range(3)))
    seqs = [gate().open([people[n % 3]], actor=alice, purpose="service", fields=["email"])[0].seq for n in range(10)]
    with open_owner(database) as owner:  # before they are hashed: the tree says what stands here
        owner.execute("alter table ledger_entry disable trigger user")
        owner.execute("update ledger_entry set at = at - interval '1 day' * %s where seq <= %s", (OLD, seqs[5]))
        owner.execute("alter table ledger_entry enable trigger user")
    with open_sequencer() as sequencer:
        sequencer.run_once()
    return people, seqs


def verdict():
    return queries.verify(actor=owner_actor())


def broken():
    return {(one["seq"], one["why"]) for one in verdict()["broken"]}


def count(text, *given):
    return raw_connection().execute(text, given).fetchone()[0]


def by_hand(database, statement, *given, triggers=False):
    with open_owner(database) as owner:
        if not triggers:
            for table in ("ledger_entry", "ledger_retired"):
                owner.execute(f"alter table {table} disable trigger user")
        return owner.execute(statement, given)


def test_old_rows_go_and_everything_still_holds(aged):
    people, seqs = aged
    kept = queries.checkpoint(actor=owner_actor())
    size = verdict()["size"]
    before = count("select count(*) from ledger_entry where seq <= %s", seqs[5])
    dry = retire(actor=owner_actor(), dry_run=True)
    assert (dry.rows, dry.held) == (before, 0) and count("select count(*) from ledger_retired") == 0
    done = retire(actor=owner_actor())
    assert (done.rows, done.held) == (before, 0) and done.last < datetime.now(UTC) - timedelta(days=1_100)
    assert count("select count(*) from ledger_entry where seq <= %s", seqs[5]) == 0
    assert count("select count(*) from ledger_use where seq <= %s", seqs[5]) == 0
    assert count("select count(*) from ledger_leaf where seq <= %s", seqs[5]) == before
    said = queries.verify(actor=owner_actor(), against=kept)
    assert said["ok"], said["broken"]
    assert said["retired"]["rows"] == before and said["size"] == size + 1  # the act's own row
    assert queries.rows(actor=owner_actor())[0]["action"] == "retire"
    assert queries.prove(seqs[8], actor=owner_actor(), subject=people[8 % 3])["subject"]
    assert retire(actor=owner_actor()).rows == 0


def test_a_row_about_somebody_under_a_hold_stays(aged):
    people, seqs = aged
    enter(people[0], "hold", by=owner_actor().staff, id=new_id())
    done = retire(actor=owner_actor())
    assert done.held >= 2 and count("select count(*) from ledger_entry where seq = any (%s)", [seqs[0], seqs[3]]) == 2
    assert count("select count(*) from ledger_entry where seq = any (%s)", [seqs[1], seqs[2], seqs[4]]) == 0
    assert verdict()["ok"]


def test_no_right_of_the_applications_takes_a_young_row(aged):
    """As kehu_app: no delete, no update, no mark of its own, and the function looks at the age itself."""
    _, seqs = aged
    raw = raw_connection()
    for statement in (
        "delete from ledger_entry", "update ledger_entry set at = '2020-01-01'", "delete from ledger_leaf",
        "delete from ledger_use", "insert into ledger_retired (id, seqs) values (gen_random_uuid(), '{[1,9)}')",
        "update ledger_retired set rows = 1", "delete from ledger_retired",
    ):  # fmt: skip
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            raw.execute(statement)
    for before in ("now()", "now() - interval '183 days'", "'infinity'", "null"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            raw.execute(f"select retire_ledger_rows(gen_random_uuid(), {before}, 0, 1000000, 100)")
    raw.execute("select retire_ledger_rows(gen_random_uuid(), now() - interval '184 days', 0, 1000000, 100)")
    assert count("select count(*) from ledger_entry where seq = any (%s)", seqs[6:]) == 4


def test_only_the_office_and_the_owner_retire_and_never_under_six_months(aged):
    with pytest.raises(ActRefused):
        retire(actor=staff("auditor"))
    with override_settings(LEDGER_DAYS=183), pytest.raises(ValueError, match="six months"):
        retire(actor=owner_actor())
    assert retire(actor=staff("privacy")).rows


def test_a_body_that_went_otherwise_is_named(database, aged):
    _, seqs = aged
    for seq in (seqs[9], seqs[0]):  # a young one, and an old one without a mark
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            by_hand(database, "delete from ledger_entry where seq = %s", seq, triggers=True)
    by_hand(database, "delete from ledger_entry where seq = any (%s)", [seqs[9], seqs[0]])
    assert {(seqs[9], GONE), (seqs[0], GONE)} <= broken()


def test_a_body_emptied_by_hand_is_named(database, aged):
    _, seqs = aged
    by_hand(
        database, "update ledger_entry set commitments = '', detail = null where seq = any (%s)", [seqs[9], seqs[0]]
    )
    assert {seq for seq, why in broken() if "changed after it was hashed" in why} == {seqs[9], seqs[0]}


def test_a_mark_that_is_not_ours_covers_nothing(database, aged):
    """The superuser calls the function, or writes a mark: neither has the key."""
    _, seqs = aged
    by_hand(database, "select retire_ledger_rows(gen_random_uuid(), now() - interval '200 days', 0, %s, 2)", seqs[5])
    assert (None, "rows are said to have been retired, and the MAC of that is not ours") in broken()
    assert any(why == GONE for _, why in broken())


def test_a_mark_made_to_cover_more_is_named(database, aged):
    _, seqs = aged
    retire(actor=owner_actor())
    by_hand(
        database, "update ledger_retired set seqs = seqs + int8multirange(int8range(%s, %s, '[]'))", seqs[9], seqs[9]
    )
    by_hand(database, "delete from ledger_entry where seq = %s", seqs[9])
    assert (seqs[9], GONE) in broken()


def test_rows_retired_before_their_time_are_named_by_those_before_them(database, aged, monkeypatch):
    """Whoever holds every key, too: younger rows that stand before a retired one tell that it was not old."""
    _, seqs = aged
    with open_owner(database) as owner:
        owner.execute("alter table ledger_entry disable trigger user")
        row = owner.execute(f"select {', '.join(LEAF_COLUMNS)} from ledger_entry where seq = %s", (seqs[0],)).fetchone()
        row = (row[0] + timedelta(days=OLD), *row[1:])  # as if the first had been young: hashed as such
        owner.execute("update ledger_entry set at = %s where seq = %s", (row[0], seqs[0]))
        owner.execute("alter table ledger_leaf disable trigger user")
        owner.execute("update ledger_leaf set hash = %s where seq = %s", (leaf_of(row), seqs[0]))
    retire(actor=owner_actor())
    assert any(seq == seqs[0] and "retired while it was younger" in why for seq, why in broken())


def test_an_erasure_before_or_after_adds_up(database, aged):
    people, seqs = aged
    with transaction.atomic():
        forget_uses(people[0])
        destroy(connection.connection, [people[0]])
    retire(actor=owner_actor())
    assert verdict()["ok"]
    with transaction.atomic():
        forget_uses(people[1])
        destroy(connection.connection, [people[1]])
    assert verdict()["ok"]
    by_hand(database, "delete from ledger_use where seq = %s", seqs[8])
    assert any("gone from the look-up" in why for _, why in broken())


def test_it_goes_in_portions_and_the_act_of_each_is_a_row(aged, monkeypatch):
    from kehu.guard.ledger import retirement

    monkeypatch.setattr(retirement, "_BATCH", 2)
    seen = []
    done = retire(actor=owner_actor(), progress=lambda at, of: seen.append((at, of)))
    assert len(seen) == -(-done.rows // 2) and seen[-1] == (done.rows, done.rows)
    assert count(
        "select count(*) from ledger_retired r join ledger_entry e on e.seq = r.act and e.detail = r.id"
    ) == len(seen)
    assert verdict()["ok"] and installation()


def test_the_command_counts_and_then_retires(aged, monkeypatch):
    dry = json.loads(run(monkeypatch, "ledger", "retire", "--dry-run").stdout)
    done = json.loads(run(monkeypatch, "ledger", "retire").stdout)
    assert dry["dry_run"] and not done["dry_run"] and dry["retired"] == done["retired"] > 5 and done["held"] == 0
    assert json.loads(run(monkeypatch, "ledger", "verify").stdout)["retired"]["rows"] == done["retired"]
