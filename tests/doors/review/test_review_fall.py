"""What the waterfall folds into one sum, for who may not see it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from django.utils.translation import override

from kehu.doors.web.review import described
from kehu.refine.resolve.evidence import Degree, Explained
from kehu.serve.desk.comparing import Pair

PLACES = (
    Degree("addr", "other", 3, -3.0, 0.9),
    Degree("unit", "other", 2, -4.0, 0.9),
    Degree("estate", "other", 1, 0.0, 1.0),
)


def said(*withheld: str) -> str:
    held: Any = SimpleNamespace(
        explained=Explained(-10.0, PLACES, (), moved=2.0),
        withheld=frozenset(withheld),
        proposal=SimpleNamespace(kind=1, weight=None),
    )
    with override("en"):
        return " ".join(row["words"] for row in described._fall(cast("Pair", held)))


@pytest.mark.parametrize("withheld", [("street",), ("street", "house_number", "unit"), ("address",)])
def test_an_address_is_told_to_nobody_who_may_not_see_a_part_of_it(withheld: tuple[str, ...]):
    """A street may stand in either field: what is read of one is not told by the other."""
    told = said(*withheld)
    assert "What you may not see" in told and "Address: " not in told and "Two addresses" not in told


def test_who_may_see_it_is_told_what_moving_makes_up_for():
    told = said()
    assert "Address: " in told and "Two addresses, taken together" in told and "What you may not see" not in told
