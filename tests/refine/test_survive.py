"""Survivorship: which value counts, whatever the order of the records."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from kehu.refine.survive import Contribution, Value, survive

DAY = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
LATER = DAY + dt.timedelta(days=9)


def said(record: str, value: str | None, status: int = 1, at: dt.datetime = DAY, **more: object) -> Contribution:
    normal = value if status in (1, 3) else None
    return Contribution(record, at, {"email": Value(value, normal, status)}, **more)  # type: ignore[arg-type]


def winner(*contributions: Contribution) -> str:
    return survive(contributions, ["email"])["email"].record


def test_the_later_wins() -> None:
    assert winner(said("a", "x", at=LATER), said("b", "y")) == "a"


def test_valid_over_unverified_over_invalid() -> None:
    assert winner(said("a", "x", 1), said("b", "y", 3, LATER), said("c", "z", 2, LATER)) == "a"
    assert winner(said("b", "y", 3), said("c", "z", 2, LATER)) == "b"


def test_the_verified_wins_over_the_later() -> None:
    assert winner(said("a", "x", verified_at=DAY), said("b", "y", at=LATER)) == "a"


def test_an_edit_wins() -> None:
    assert winner(said("a", "x", edit=True), said("b", "y", at=LATER, verified_at=LATER)) == "a"
    assert winner(said("a", "x", edit=True), said("b", "y", at=LATER, edit=True)) == "b"


def test_given_wins_over_derived() -> None:
    derived = Contribution("b", LATER, {"email": Value(None, "y", 1)})
    assert winner(said("a", "x"), derived) == "a"
    assert survive([derived], ["email"])["email"].given is None


def test_losers_are_those_who_say_otherwise() -> None:
    survivor = survive(
        [said("a", "x", at=LATER), said("b", "x"), said("c", "y"), said("d", None, 0)], ["email", "phone"]
    )
    assert survivor["email"].losers == ("c",)
    assert "phone" not in survivor
    assert "'x'" not in repr(survivor)


contribution = st.builds(
    said,
    st.sampled_from("abcdef"),
    st.sampled_from(["x", "y", "z", None]),
    st.sampled_from([0, 1, 2, 3]),
    st.sampled_from([DAY, LATER]),
    verified_at=st.sampled_from([None, DAY, LATER]),
    edit=st.booleans(),
)


@given(st.lists(contribution, max_size=7).flatmap(lambda one: st.tuples(st.just(one), st.permutations(one))))
def test_order_never_matters(pair: tuple[list[Contribution], list[Contribution]]) -> None:
    assert survive(pair[0], ["email"]) == survive(pair[1], ["email"])
