"""Refused rows brought again: as old as they are, once, not after they were let go; an erasure reaches them."""

from __future__ import annotations

import json
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from threading import Barrier, BrokenBarrierError
from uuid import UUID

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from kehu.collect.channels import Asked
from kehu.collect.imports import actions
from kehu.collect.imports.recipe import Recipe
from kehu.collect.imports.write import Place, write_chunk
from kehu.collect.inbox import accept as accepting
from kehu.collect.inbox import drain, hands, reading
from kehu.collect.inbox.drain import drain_all
from kehu.collect.inbox.intake import WHEN
from kehu.collect.inbox.terms import set_terms
from kehu.collect.models import Import, Quarantined
from kehu.collect.quarantine import actions as quarantine
from kehu.collect.quarantine import groups, mending
from kehu.collect.quarantine.correcting import Correction
from kehu.collect.signed.secrets import keep_secret
from kehu.collect.signed.settings import keep_settings
from kehu.govern.channels import add_channel
from kehu.govern.models import Channel
from kehu.guard.aside import open_aside
from kehu.guard.gate.acts import Refused
from kehu.guard.gate.admit import Admission, Terms
from kehu.guard.gate.read import gate
from kehu.guard.installation import installation
from kehu.guard.staff.actions import actor_of, owner_actor
from kehu.refine.survive import survive
from kehu.serve.desk import queries
from kehu.vault import ids
from kehu.vault.ids import new_id
from tests.cast import staff
from tests.collect.shops import SECRET, WIRE, signature, webhook
from tests.forms import count

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def refused(monkeypatch):
    monkeypatch.setattr(accepting, "_held", accepting._Held())
    made, _ = add_channel("line", "webhook", owner=owner_actor().staff, country="CN")
    keep_secret(made, SECRET)
    keep_settings(made, (WIRE / "shopline.toml").read_bytes())
    set_terms(made, actor=owner_actor(), basis="legitimate_interest")
    said = {"id": "Z1", "email": "z@mail.example", "first_name": "Zoe", "updated_at": "2025-03-01T10:00:00Z",
            "addresses": [{"country_code": "CN"}]}  # fmt: skip
    raw = json.dumps(said).encode()
    headers = {"x-shopline-topic": "customers/create", "x-shopline-hmac-sha256": signature(raw)}
    assert webhook("line", raw, headers).status == 200
    drain_all()
    [row] = Quarantined.objects.filter(accepted=False, settled=None)
    assert not row.reason.startswith("message_"), row.reason
    set_terms(made, actor=owner_actor(), basis="contract")
    return row


def said_at():
    with connection.cursor() as cursor:
        cursor.execute("select said_at from record")
        return [one[0] and one[0].date().isoformat() for one in cursor.fetchall()]


def test_a_mended_row_of_a_channel_comes_in_as_old_as_it_is(refused):
    begun = mending.mend(refused.id, {"country": "DE", "residence": "DE"}, actor=owner_actor())
    actions.run(begun, actor=owner_actor())
    assert said_at() == ["2025-03-01"]


def test_what_the_house_wrote_beside_a_row_is_not_put_right_by_whoever_mends_it(refused):
    told = {"country": "DE", "residence": "DE", WHEN: "1999-01-01T00:00:00+00:00"}
    actions.run(mending.mend(refused.id, told, actor=owner_actor()), actor=owner_actor())
    assert said_at() == ["2025-03-01"]


def test_a_field_that_a_mending_added_is_put_right_by_the_next(refused):
    mending.mend(refused.id, {"country": "CN", "residence": "CN", "full_name": "Zo"}, actor=owner_actor())
    begun = mending.mend(refused.id, {"country": "DE", "residence": "DE", "full_name": "Zoe Li"}, actor=owner_actor())
    actions.run(begun, actor=owner_actor())
    assert count("select count(*) from record") == 1


def test_a_group_of_a_channel_comes_in_as_old_as_it_is(refused):
    [group] = groups.groups(actor=owner_actor())
    for begun in mending.bring_group(
        group, actor=owner_actor(), correction=Correction(cells={"country": "DE", "residence": "DE"})
    ):
        actions.run(begun, actor=owner_actor())
    assert said_at() == ["2025-03-01"]


@contextmanager
def days_ago(monkeypatch, days):
    """What is numbered meanwhile has numbers of then: a row is as old as its number says."""
    then = time.time_ns() - days * 86_400_000_000_000
    with monkeypatch.context() as past:
        past.setattr(ids, "_last", [0])
        past.setattr(ids.time, "time_ns", lambda: then)
        yield


def line(topic, made, **said):
    raw = json.dumps({"id": "Z1", "addresses": [{"country_code": "DE"}], **said}).encode()
    headers = {"x-shopline-topic": topic, "x-shopline-hmac-sha256": signature(raw)}
    assert webhook("line", raw, headers).status == 200
    drain_all()


def test_messages_sent_again_together_are_each_as_old_as_itself(refused, monkeypatch):
    made = Channel.objects.get(name="line")
    with days_ago(monkeypatch, 20):
        line("members/update", made, first_name="Zo")
    with days_ago(monkeypatch, 10):
        line("customers/update", made, first_name="Zoe")
    line("members/update", made, first_name="Zoe Ann")
    settings = (
        (WIRE / "shopline.toml").read_text().replace('"customers/update"', '"customers/update", "members/update"')
    )
    keep_settings(made, settings.encode())
    group = next(one for one in groups.groups(actor=owner_actor()) if one.reason == "message_unknown_topic")
    assert mending.send_group(group, actor=owner_actor(), until=new_id()) == 2
    drain_all()
    service = staff("service")
    [zoe] = queries.find({"external_id": "Z1"}, actor=service, purpose="service")[0]
    [opened] = gate().open([zoe], actor=service, purpose="service")
    assert survive(opened.contributions)["given_name"].said.given == "Zoe Ann"
    assert [one for one in said_at() if one] == [(timezone.now() - timedelta(days=20)).date().isoformat()]


def refuse(errand):
    return "said_later"


def test_customers_of_refused_errands_are_looked_for_together(refused, monkeypatch):
    monkeypatch.setitem(hands._HANDS, "never", "tests.collect.test_refused_again.refuse")
    looked, keys_of = [], reading.keys_of
    monkeypatch.setattr(reading, "keys_of", lambda *told: looked.append(told[-1]) or keys_of(*told))
    channel = drain._Channel(Channel.objects.get(name="line").id)
    at = timezone.now()
    asked = [(Asked("never", name, {}), at, (name or "nobody").encode()) for name in ("K1", None, "K2", "K1")]
    given = {raw: key for _, raw, key in channel._hand_over(asked)}
    keys = keys_of(channel.channel, channel.terms.controller, ["K1", "K2"])
    assert given == {b"K1": keys["K1"], b"K2": keys["K2"], b"nobody": None}
    assert len(looked) == 1


@pytest.mark.parametrize("came_first", [True, False])
def test_an_erasure_reaches_refused_events_of_the_customer(bring, kehu, desk, came_first):
    customers = "external_id,full_name\nK1,Ann Lee\nK2,Ben\n"
    orders = "order_id,external_id,ordered_at,amount,product,lives in\nO1,K1,2026-01-10,10,pills,CN\nO2,K2,2026-01-10,10,tea,DE\n"
    if came_first:
        bring(customers)
    bring(orders, "--kind", "orders", "--residence", "lives in", basis="legitimate_interest", name="o.csv")
    if not came_first:
        bring(customers)
    assert Quarantined.objects.exclude(sealed=None).count() == 1
    [ann] = desk.find("full_name=Ann Lee")
    assert kehu("erase", ann, "--reason", "asked").code == 0
    assert Quarantined.objects.exclude(sealed=None).count() == 0


def _half_replayed(bring, country):
    """A replay of one refused row, read and not written yet."""
    old = Import.objects.get(replays=None)
    [row] = Quarantined.objects.filter(accepted=False, settled=None)
    begun = mending.bring_again(
        old, {0: [row.id]}, actor=owner_actor(), correction=Correction(cells={"lives in": country})
    )
    held = Import.objects.get(id=begun)
    recipe = Recipe.unpack(
        open_aside({held.id: bytes(held.sealed)}, actor=owner_actor(), act="collect", detail=held.id)[held.id]
    )
    return begun, recipe, held, row


def _written(begun, recipe, held, prepared, row):
    channel = Channel.objects.get(id=held.channel)
    terms = Terms(
        held.channel, channel.kind, held.controller, held.basis, held.notice, False, held.id, fields=recipe.brings
    )
    admission = Admission(installation(), gate().decisions, actor=owner_actor(), terms=terms)
    place = Place(begun, 0, 0, 0, held.controller, held.channel, held.notice, recipe.way, False, (row.id,))
    return write_chunk(prepared, place, admission, actor=owner_actor(), began=0.0)


@pytest.mark.parametrize("meanwhile", ["let go", "brought by another"])
def test_a_row_that_went_meanwhile_is_not_brought_in(bring, meanwhile):
    bring("full_name,lives in\nAnn Lee,CN\nBen,DE\n", "--residence", "lives in", basis="legitimate_interest")
    begun, recipe, held, row = _half_replayed(bring, "DE")
    [(_, prepared)] = actions._prepared(recipe, 0, held.controller, held.channel, owner_actor(), 0)
    if meanwhile == "let go":
        [group] = groups.groups(actor=owner_actor())
        assert mending.let_go(group, actor=owner_actor()) == 1
    else:
        other, *_ = _half_replayed(bring, "FR")
        assert actions.run(other, actor=owner_actor()).created == 1
    before = count("select count(*) from record")
    counted = _written(begun, recipe, held, prepared, row)
    assert count("select count(*) from record") == before and (counted.rows, counted.duplicates) == (1, 1)


def test_a_file_of_refused_rows_with_secrets_wants_the_second_factor_by_the_command_line_too(bring, kehu, tmp_path):
    text = "external_id,full_name,national_id,lives in\nK1,Ann Lee,11010519491231002X,CN\nK2,Ben,,DE\n"
    bring(text, "--residence", "lives in", basis="legitimate_interest")
    kehu("staff", "add", "--email", "privacy@kehu.example", "--role", "privacy")
    token = kehu("token", "issue", "--staff", "privacy@kehu.example", "--purpose", "accuracy").json["token"]
    done = kehu("quarantine", "export", "--to", tmp_path / "out.csv", token=token)
    assert done.code == 3 and not (tmp_path / "out.csv").exists()


def test_a_file_of_rows_that_nobody_could_read_wants_it_too_and_leaves_no_half_of_itself(bring, kehu, tmp_path):
    rows = "".join(f"K{number},Ben,DE\n" for number in range(9))
    bring(f"external_id,full_name,lives in\n{rows}K9,Ann Lee,DE,what is this,and this\n", "--residence", "lives in")
    kehu("staff", "add", "--email", "privacy@kehu.example", "--role", "privacy")
    with pytest.raises(Refused, match="second-factor"):
        quarantine.export(None, to=tmp_path / "out.csv", actor=actor_of("privacy@kehu.example"))
    assert not (tmp_path / "out.csv").exists()


def test_a_file_of_rows_with_a_column_that_no_field_is_wants_it_too(bring, kehu, tmp_path):
    text = "external_id,full_name,SFZ,lives in\nK1,Ann Lee,11010519491231002X,CN\nK2,Ben,,DE\n"
    bring(text, "--residence", "lives in", "--map", "national_id=", basis="legitimate_interest")
    kehu("staff", "add", "--email", "privacy@kehu.example", "--role", "privacy")
    with pytest.raises(Refused, match="second-factor"):
        quarantine.export(None, to=tmp_path / "out.csv", actor=actor_of("privacy@kehu.example"))
    assert not (tmp_path / "out.csv").exists()
    empty = bring(
        text.replace("11010519491231002X", ""),
        "--residence",
        "lives in",
        "--map",
        "national_id=",
        basis="legitimate_interest",
    )
    held = quarantine.export(
        UUID(empty.json["import"]), to=tmp_path / "out.csv", actor=actor_of("privacy@kehu.example")
    )
    assert held.rows == 1  # nothing stands in it


def test_a_file_of_rows_opens_each_of_them_once(bring, kehu, tmp_path, monkeypatch):
    bring("full_name,lives in\nAnn Lee,CN\nBen,DE\n", "--residence", "lives in", basis="legitimate_interest")
    kehu("staff", "add", "--email", "privacy@kehu.example", "--role", "privacy")
    opened, open_refused = [], quarantine.open_refused
    monkeypatch.setattr(quarantine, "open_refused", lambda ids, **how: opened.extend(ids) or open_refused(ids, **how))
    done = quarantine.export(None, to=tmp_path / "out.csv", actor=actor_of("privacy@kehu.example"))
    assert (done.rows, len(opened)) == (1, 1)


def test_an_undo_that_was_killed_half_way_lets_no_refused_row_in(bring, kehu):
    first = bring("full_name,lives in\nAnn Lee,CN\nBen,DE\n", "--residence", "lives in", basis="legitimate_interest")
    place = first.json["import"]
    Import.objects.filter(id=place).update(state="undone", undone_at=timezone.now())  # as its first transaction left it
    assert kehu("quarantine", "replay", place).code != 0
    assert Import.objects.filter(replays=place).count() == 0


def test_an_undo_that_meets_a_running_replay_takes_nothing_back(bring, monkeypatch):
    bring("full_name,lives in\nAnn Lee,CN\nBen,DE\n", "--residence", "lives in", basis="legitimate_interest")
    begun, *_ = _half_replayed(bring, "DE")
    first, alone = Import.objects.get(replays=None).id, actions._alone

    @contextmanager
    def working(import_id):
        if import_id == begun:
            raise actions.ImportRunning(str(import_id))
        with alone(import_id):
            yield

    with monkeypatch.context() as at_work:
        at_work.setattr(actions, "_alone", working)
        with pytest.raises(actions.ImportRunning):
            actions.undo(first, actor=owner_actor())
    assert Import.objects.get(id=first).state == "done"
    actions.undo(first, actor=owner_actor())
    assert set(Import.objects.values_list("state", flat=True)) == {"undone"}


def test_a_replay_that_breaks_off_within_a_batch_goes_on_with_every_row(bring, monkeypatch):
    """What it brought in leaves the quarantine: its batch is shorter when it is read again."""
    lines = "".join(f"P {n},CN\n" for n in range(6))
    bring(f"full_name,lives in\n{lines}Ben,DE\n", "--residence", "lives in", basis="legitimate_interest")
    rows = list(Quarantined.objects.order_by("line").values_list("id", flat=True))
    begun = mending.bring_again(
        Import.objects.get(), {0: rows}, actor=owner_actor(), correction=Correction(cells={"lives in": "DE"})
    )
    monkeypatch.setattr(actions, "SIZE", 3)
    monkeypatch.setattr(actions._Pace, "note", lambda *_: None)
    monkeypatch.setattr(actions._Pace, "__init__", lambda pace: setattr(pace, "rows", 2))
    written = []

    def breaks(*told, **more):
        if len(written) == 1:
            written.append(None)
            raise RuntimeError
        written.append(write_chunk(*told, **more))
        return written[-1]

    monkeypatch.setattr(actions, "write_chunk", breaks)
    with pytest.raises(RuntimeError):
        actions.run(begun, actor=owner_actor())
    done = actions.run(begun, actor=owner_actor())
    assert (done.rows, done.created, done.quarantined, done.duplicates) == (6, 6, 0, 0)
    assert not Quarantined.objects.filter(accepted=False, settled=None).exists()


def test_a_field_that_a_mending_added_stays_when_the_next_does_not_name_it(bring):
    bring(
        "email,lives in\na@mail.example,CN\nb@mail.example,DE\n", "--residence", "lives in", basis="legitimate_interest"
    )
    [row] = Quarantined.objects.all()
    actions.run(mending.mend(row.id, {"full_name": "Zoe Li"}, actor=owner_actor()), actor=owner_actor())
    actions.run(mending.mend(row.id, {"lives in": "DE"}, actor=owner_actor()), actor=owner_actor())
    assert len(queries.find({"full_name": "Zoe Li"}, actor=staff("service"), purpose="service")[0]) == 1


@pytest.mark.parametrize("way", ["group", "replay", "file"])
def test_a_field_that_a_mending_added_stays_when_its_row_comes_again_with_others(bring, kehu, tmp_path, way):
    first = bring(
        "email,lives in\na@mail.example,CN\nc@mail.example,CN\nb@mail.example,DE\n", "--residence", "lives in",
        basis="legitimate_interest",
    )  # fmt: skip
    row = Quarantined.objects.order_by("line").first()
    actions.run(mending.mend(row.id, {"full_name": "Zoe Li"}, actor=owner_actor()), actor=owner_actor())
    if way == "group":
        [group] = groups.groups(actor=owner_actor())
        told = Correction(cells={"lives in": "DE"})
        for begun in mending.bring_group(group, actor=owner_actor(), correction=told):
            actions.run(begun, actor=owner_actor())
    elif way == "file":
        place = tmp_path / "out.csv"
        assert quarantine.export(None, to=place, actor=owner_actor()).rows == 2
        place.write_text(place.read_text("utf-8-sig").replace(",CN", ",DE"), "utf-8")
        assert kehu("quarantine", "replay", first.json["import"], "--file", place).code == 0
    else:
        for one in Quarantined.objects.filter(settled=None):  # as if the rules had changed
            said = {"email": f"{one.line}@mail.example", "lives in": "DE"}
            said |= {"full_name": "Zoe Li"} if one.id == row.id else {}
            with transaction.atomic():
                mending._seal_again(one.id, json.dumps(said).encode())
        assert kehu("quarantine", "replay", first.json["import"]).code == 0
    assert not Quarantined.objects.filter(settled=None).exists() and count("select count(*) from record") == 3
    assert len(queries.find({"full_name": "Zoe Li"}, actor=staff("service"), purpose="service")[0]) == 1


def test_a_field_that_a_mending_added_stays_though_that_was_stopped_once_its_row_was_refused(bring, kehu):
    first = bring(
        "email,lives in\na@mail.example,CN\nb@mail.example,DE\n", "--residence", "lives in", basis="legitimate_interest"
    )
    [row] = Quarantined.objects.all()
    begun = mending.mend(row.id, {"full_name": "Zoe Li"}, actor=owner_actor())
    with pytest.raises(actions.ImportStopped):
        actions.run(begun, actor=owner_actor(), progress=lambda held: actions.stop(held.id, actor=owner_actor()))
    said = {"full_name": "Zoe Li", "email": "a@mail.example", "lives in": "DE"}
    with transaction.atomic():
        mending._seal_again(row.id, json.dumps(said).encode())  # as if the rules had changed
    assert kehu("quarantine", "replay", first.json["import"]).code == 0
    assert len(queries.find({"full_name": "Zoe Li"}, actor=staff("service"), purpose="service")[0]) == 1


def test_who_asks_twice_at_once_has_one_replay(bring, monkeypatch):
    bring("full_name,lives in\nAnn Lee,CN\nBen,DE\n", "--residence", "lives in", basis="legitimate_interest")
    old, [row] = Import.objects.get(), Quarantined.objects.all()
    made, both = quarantine.new_id, Barrier(2, timeout=3)

    def together():
        with suppress(BrokenBarrierError):
            both.wait()
        return made()

    monkeypatch.setattr(quarantine, "new_id", together)
    with ThreadPoolExecutor(2) as pool:
        begun = [pool.submit(_ask, old, row) for _ in range(2)]
    assert len({one.result() for one in begun}) == 1


def _ask(old, row):
    try:
        return mending.bring_again(old, {0: [row.id]}, actor=owner_actor())
    finally:
        connections.close_all()


def _refused_rows(bring, rows):
    lines = "".join(f"P {n},CN\n" for n in range(rows))
    bring(f"full_name,lives in\n{lines}Ben,DE\n", "--residence", "lives in", basis="legitimate_interest")
    [group] = groups.groups(actor=owner_actor())
    assert group.count == rows
    return group


def test_all_of_a_group_is_let_go_however_many_they_are(bring, monkeypatch):
    monkeypatch.setattr(mending, "MOST", 2)
    group = _refused_rows(bring, 5)
    assert mending.let_go(group, actor=owner_actor()) == 5
    assert not Quarantined.objects.exclude(sealed=None).exists()


def test_all_of_a_group_is_brought_again_however_many_they_are(bring, monkeypatch):
    monkeypatch.setattr(mending, "MOST", 2)
    group = _refused_rows(bring, 5)
    for begun in mending.bring_group(group, actor=owner_actor(), correction=Correction(cells={"lives in": "DE"})):
        actions.run(begun, actor=owner_actor())
    assert not groups.groups(actor=owner_actor()) and count("select count(*) from record") == 6


def test_a_file_of_many_refused_rows_lies_in_memory_a_part_at_a_time(bring, monkeypatch):
    monkeypatch.setattr(quarantine, "shown_lately", lambda _: True)
    note = "n" * 1_000
    lines = "".join(f"P {n},CN,{note}\n" for n in range(15_000))
    words = ("--residence", "lives in")
    first = bring(f"full_name,lives in,note\n{lines}Ben,DE,\n", *words, basis="legitimate_interest")
    tracemalloc.start()
    try:
        with quarantine.export_sealed(UUID(first.json["import"]), actor=owner_actor()) as held:
            size = sum(len(block) for block in iter(lambda: held.read(1 << 16), b""))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 15_000_000 > most, most
