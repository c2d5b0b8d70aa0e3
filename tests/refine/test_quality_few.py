"""No score of a few follows from the whole and the others."""

from __future__ import annotations

from django.utils import timezone

from kehu.refine.quality import scores
from kehu.refine.quality.models import Run, Score
from kehu.vault.ids import new_id
from tests.cast import staff


def _kept(*rows):
    run = Run.objects.create(id=new_id(), day=timezone.now().date(), staff=new_id(), total=23, state="done")
    for dimension, scope, key, of, bad in rows:
        Score.objects.create(run=run, dimension=dimension, scope=scope, key=key, of=of, bad=bad)
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
