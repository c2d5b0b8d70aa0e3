"""Survivorship: which value counts, whatever the order of the records."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kehu.refine.survive import RULES, rule_between, survive, text_of

VALID, INVALID, UNVERIFIED, ABSENT = 1, 2, 3, 0
PERSON, EDIT = 1, 5


@dataclass(frozen=True)
class Said:
    """One value as the gate hands it out; the record's id is its time."""

    time: int
    given: str | None = field(repr=False)
    status: int = VALID
    kind: int = PERSON
    verified_at: str | None = None
    normal: str | None = field(default=None, repr=False)
    answer: str = "clear"
    field: str = "email"
    said_at: datetime | None = None
    channel: int = 1

    @property
    def record(self) -> UUID:
        return UUID(int=self.time << 80 | 7 << 76 | 2 << 62)


TRUST = {1: 0, 2: 3}


def winner(*contributions: Said) -> int:
    return survive(contributions, trust=TRUST)["email"].said.time


def test_the_later_wins():
    assert winner(Said(9, "x"), Said(1, "y")) == 9


def test_valid_over_unverified_over_invalid():
    assert winner(Said(1, "x", VALID), Said(2, "y", UNVERIFIED), Said(3, "z", INVALID)) == 1
    assert winner(Said(2, "y", UNVERIFIED), Said(3, "z", INVALID)) == 2


@pytest.mark.parametrize(
    "hostile",
    [
        Said(99, "z", INVALID),
        Said(99, "z", INVALID, EDIT),
        Said(99, "z", INVALID, verified_at="2099-01-01T00:00:00+00:00"),
        Said(99, "", VALID),
        Said(99, None, VALID),
        Said(99, "z", ABSENT, EDIT),
    ],
)
def test_nothing_makes_an_invalid_or_empty_value_beat_a_valid_one(hostile: Said):
    assert winner(Said(1, "x"), hostile) == 1


def test_the_verified_wins_over_the_later():
    assert winner(Said(1, "x", verified_at="2026-01-01T00:00:00+00:00"), Said(9, "y")) == 1


def test_the_channel_trusted_more_wins_over_the_later_and_the_verified():
    verified = "2026-01-01T00:00:00+00:00"
    assert winner(Said(1, "x", channel=2), Said(9, "y", verified_at=verified)) == 1
    assert winner(Said(1, "x", UNVERIFIED, channel=2), Said(9, "y")) == 9  # never over what a rule vouches for
    assert winner(Said(1, "x", channel=2), Said(9, "y", kind=EDIT)) == 9  # nor over an edit
    assert winner(Said(1, "x", kind=EDIT, channel=2), Said(9, "y", kind=EDIT)) == 9  # of edits the later, wherever made


@pytest.mark.parametrize(
    "loser, rule",
    [
        (Said(9, "y", INVALID, EDIT), "validity"),
        (Said(9, "y", UNVERIFIED), "validity"),
        (Said(9, None, normal="y"), "given"),
        (Said(1, "y"), "recency"),
        (Said(9, "y", verified_at="2025-01-01T00:00:00+00:00"), "verified"),
    ],
)
def test_it_says_by_which_rule(loser: Said, rule: str):
    verified = "2026-01-01T00:00:00+00:00"
    won = Said(5, "x", verified_at=verified if rule == "verified" else None)
    assert rule_between(won, loser, trust=TRUST) == rule
    assert rule_between(Said(5, "x", kind=EDIT), Said(9, "y"), trust=TRUST) == "edit"
    assert rule_between(Said(5, "x", channel=2), Said(9, "y"), trust=TRUST) == "trust"


def test_an_edit_wins_over_what_came():
    verified = "2026-01-01T00:00:00+00:00"
    assert winner(Said(1, "x", kind=EDIT), Said(9, "y", verified_at=verified)) == 1
    assert winner(Said(1, "x", UNVERIFIED, EDIT), Said(9, "y")) == 1
    assert winner(Said(1, "x", kind=EDIT), Said(9, "y", kind=EDIT)) == 9


def test_what_was_derived_from_a_value_goes_with_it_when_it_is_edited():
    came = [
        Said(1, "北京市朝阳区建国路88号", field="address"), Said(1, None, normal="北京市", field="region"),
        Said(1, None, normal="朝阳区", field="district"), Said(1, "邮箱", field="locality"),
    ]  # fmt: skip
    edit = Said(5, "广东省深圳", kind=EDIT, field="address")
    found = survive([*came, edit, Said(5, None, normal="广东省", kind=EDIT, field="region")], trust=TRUST)
    assert {name: won.said.normal or won.said.given for name, won in found.items()} == {
        "address": "广东省深圳", "region": "广东省", "locality": "邮箱",
    }  # fmt: skip
    said_again = Said(5, came[0].given, kind=EDIT, field="address")
    assert survive([*came, said_again], trust=TRUST).keys() == survive(came, trust=TRUST).keys()


def test_what_is_derived_from_an_edit_wins_over_other_derived_ones_and_never_over_a_given_one():
    derived = Said(1, None, normal="x", kind=EDIT)
    assert winner(derived, Said(9, None, normal="y", channel=2)) == 1
    assert winner(derived, Said(9, "y")) == 9


def test_given_wins_over_derived():
    derived = Said(9, None, normal="y")
    assert winner(Said(1, "x"), derived) == 1
    assert text_of(survive([derived], trust=TRUST)["email"].said, "email") == "y"


def test_losers_are_those_who_openly_say_otherwise():
    newest, same, other, nothing = Said(9, "x"), Said(2, "x"), Said(3, "y"), Said(4, None, ABSENT)
    masked = Said(5, "y", answer="masked")
    survivor = survive([newest, same, other, nothing, masked], trust=TRUST)["email"]
    assert survivor.losers == (other.record,)
    assert "'x'" not in repr(survivor)
    assert survive([nothing], trust=TRUST) == {}


def test_names_and_addresses_stand_as_given():
    said = Said(1, "LIN Mei", normal="Lin Mei")
    assert [text_of(said, type_) for type_ in ("name", "address", "text")] == ["LIN Mei"] * 3
    assert text_of(said, "email") == "Lin Mei"


contribution = st.builds(
    Said,
    st.integers(1, 4),
    st.sampled_from(["x", "y", "z", None]),
    st.sampled_from([ABSENT, VALID, INVALID, UNVERIFIED]),
    st.sampled_from([PERSON, EDIT]),
    st.sampled_from([None, "2026-01-01T00:00:00+00:00", "2026-01-09T00:00:00+00:00"]),
    st.sampled_from([None, "n"]),
    channel=st.sampled_from([1, 2, 3]),
)
several = st.lists(contribution, max_size=7, unique_by=lambda said: said.time)


def test_the_senders_own_time_counts_before_when_it_came():
    """A record's own time is in milliseconds since 1970."""
    early, late = (datetime.fromtimestamp(second, UTC) for second in (1, 3))
    assert winner(Said(9_000, "x", said_at=early), Said(8_000, "y", said_at=late)) == 8_000
    assert winner(Said(9_000, "x", said_at=early), Said(2_000, "y")) == 2_000
    assert winner(Said(1_000, "x", said_at=late), Said(2_000, "y")) == 1_000
    assert winner(Said(9, "x", said_at=late), Said(8, "y", said_at=late)) == 8  # of one time: whatever the order


@given(several.flatmap(lambda one: st.tuples(st.just(one), st.permutations(one))))
def test_order_never_matters(pair: tuple[list[Said], list[Said]]):
    assert survive(pair[0], trust=TRUST) == survive(pair[1], trust=TRUST)


@given(several)
def test_a_mask_decides_nothing(said: list[Said]):
    """Which record survives depends on what was said, never on whether the asker may see it."""
    masked = [
        Said(
            s.time,
            "•" if s.given else None,
            s.status,
            s.kind,
            s.verified_at,
            "•" if s.normal or s.given else None,
            "masked",
            channel=s.channel,
        )
        for s in said
    ]
    clear, hidden = survive(said, trust=TRUST), survive(masked, trust=TRUST)
    assert {f: s.said.record for f, s in clear.items()} == {f: s.said.record for f, s in hidden.items()}
    assert all(survivor.losers == () for survivor in hidden.values())


@given(several)
def test_the_rule_that_is_told_is_one_and_never_a_tie_between_times(said: list[Said]):
    for survivor in survive(said, trust=TRUST).values():
        for other in said:
            if other.record != survivor.said.record and other.status != ABSENT and (other.normal or other.given):
                assert rule_between(survivor.said, other, trust=TRUST) in set(RULES) - {"tie"}
