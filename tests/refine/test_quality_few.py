"""No score of a few follows from the whole and the others."""

from __future__ import annotations

from django.db import connection, transaction
from django.utils import timezone

from kehu.guard.gate.state import PACKS
from kehu.refine.quality import scores
from kehu.refine.quality.measure import measure
from kehu.refine.quality.models import Run, Score
from kehu.refine.quality.scores import Shown
from kehu.vault.assignment import assign
from kehu.vault.ids import new_id
from tests.cast import admit, staff


def _kept(*rows):
    run = Run.objects.create(id=new_id(), day=timezone.now().date(), staff=new_id(), total=23, state="done")
    for dimension, scope, key, of, bad in rows:
        Score.objects.create(
            run=run, dimension=dimension, scope=scope, key=key, of=of, bad=bad, people=of, people_bad=bad, people_good=of - bad
        )  # fmt: skip
    held = scores.board(actor=staff("auditor"))
    assert held is not None
    return held


def test_few_are_not_had_by_taking_a_segment_from_the_whole(database):
    board = _kept(
        ("uniqueness", "all", "", 23, 9),
        ("uniqueness", "segment", "kind:1", 20, 7),
        ("uniqueness", "segment", "kind:2", 3, 2),
    )
    whole, persons = board.whole["uniqueness"], board.segments["kind:1"]["uniqueness"]
    assert persons.of is None or whole.of - persons.of >= scores.SMALL
    assert persons.bad is None or whole.bad - persons.bad >= scores.SMALL


def test_few_are_not_had_by_taking_the_other_fields_from_the_whole(database):
    board = _kept(
        ("completeness", "all", "", 200, 43),
        ("completeness", "field", "email", 100, 3),
        ("completeness", "field", "phone", 100, 40),
    )
    assert board.whole["completeness"].bad - (board.fields["phone"]["completeness"].bad or 0) >= scores.SMALL


def test_the_few_are_customers_and_not_their_values(database):
    admit(*({"full_name": f"客户{n}", "email": f"c{n}@mail.example", "country": "CN"} for n in "一二三四五六七八九十"))
    admit(
        {"full_name": "Aiko", "email": "a@mail.example"}, packs=PACKS["JP"]
    )  # seven fields are expected of her, and two rules ask something
    run = measure(actor=staff("analyst"))
    board = scores.board(actor=staff("auditor"))
    assert {one.of for one in board.segments["law:JP"].values()} == {None}
    lone = Score.objects.get(run=run, scope="segment", key="law:JP", dimension="completeness")
    assert (lone.of, lone.bad, lone.people, lone.people_bad, lone.people_good) == (9, 5, 1, 1, 1)
    for dimension in ("completeness", "validity"):  # nor by taking the others from the whole
        whole, others = board.whole[dimension], board.segments["law:CN"][dimension]
        assert others.of is None or whole.of == others.of


def test_few_who_fall_short_are_few_whatever_they_lack(database):
    full = {"full_name": "x", "email": "x@mail.example", "phone": "+8613800138000", "birth_date": "1980-01-02",
            "address": "1 Long Street", "locality": "Shenzhen", "country": "CN"}  # fmt: skip
    admit(*[full] * 20, {"full_name": "y"})
    run = measure(actor=staff("analyst"))
    one = Score.objects.get(run=run, scope="all", dimension="completeness")
    assert (one.of, one.bad, one.people, one.people_bad) == (189, 7, 21, 1)
    board = scores.board(actor=staff("auditor"))
    assert board.whole["completeness"] == Shown(189, None, 1 - 5 / 21)


def test_few_of_a_source_are_not_had_by_taking_the_others_from_the_whole(database):
    board = _kept(
        ("uniqueness", "all", "", 23, 9),
        ("uniqueness", "source", "1", 20, 7),
        ("uniqueness", "source", "2", 3, 2),
        ("uniqueness", "source", "3", 2, 2),
    )
    assert board.sources["1"]["uniqueness"].of is None


def test_a_customer_of_several_records_of_a_source_is_one(database):
    admit({"full_name": "x", "email": "x@mail.example"})
    one, other = admit({"full_name": "y"}, {"full_name": "y", "email": "y@mail.example"})
    with transaction.atomic():
        assign(connection.connection, [(one, other)], certainty=3, why=5, run=None, by=new_id())
    run = measure(actor=staff("analyst"))
    held = Score.objects.get(run=run, scope="source", dimension="completeness")
    assert (held.of, held.people, held.people_bad, held.people_good) == (21, 2, 2, 2)
