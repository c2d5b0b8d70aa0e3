"""Groups known by several records each: when one contradiction is outvoted, and what no number of records outvotes.

And a set that gives nothing but names and birth dates, each duplicate with an error.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

import polars as pl

from bench.linkage import Labelled, alone, with_proposals
from kehu.refine.resolve.linkage.cluster import Edge, merge
from kehu.refine.resolve.linkage.edges import both_ways
from kehu.refine.resolve.linkage.link import link

ONE, OTHER = range(3), range(3, 6)
INSIDE: list[Edge] = [(a, b, 20.0) for group in (ONE, OTHER) for a in group for b in group if a < b]
APART = [list(ONE), list(OTHER)]


def joined(between: Iterable[Edge], contradictions: list[tuple[int, int]], *, firm: bool = False) -> list[list[int]]:
    """Two groups of three with these edges and contradictions between them."""
    apart = both_ways(contradictions)
    return merge([*INSIDE, *between], apart, firm=apart if firm else {}, alone_from=2.0)


class TestOutvoted:
    def test_one_contradiction_against_several_edges_does_not_part_two_groups(self):
        assert joined([(0, 3, 9.0), (1, 4, 8.0)], [(2, 5)]) == [[0, 1, 2, 3, 4, 5]]

    def test_as_many_contradictions_as_edges_do(self):
        assert joined([(0, 3, 9.0), (1, 4, 8.0)], [(2, 5), (2, 4)]) == APART

    def test_a_firm_contradiction_is_not_outvoted(self):
        assert joined([(0, 3, 9.0), (1, 4, 8.0), (0, 4, 8.0)], [(2, 5)], firm=True) == APART

    def test_one_record_against_one_is_never_outvoted(self):
        assert merge([(0, 1, 30.0), (1, 2, 20.0)], both_ways([(0, 2)]), firm={}, alone_from=2.0) == [[0, 1]]

    def test_one_light_edge_joins_nobody(self):
        assert joined([(0, 3, 1.0)], []) == APART

    def test_several_edges_that_each_say_no_add_up_to_no_yes(self):
        assert joined([(0, 3, -1.0), (1, 4, -2.0)], []) == APART
        assert joined([(0, 3, 0.5), (1, 4, -2.0)], []) == [[0, 1, 2, 3, 4, 5]]


GIVEN = (
    "agnes albert amanda arthur barbara bernard bridget clement cynthia daniel deborah douglas edgar eleanor emily ernest "
    "esther eugene florence gabriel gerald gilbert harriet hubert isabel jeremy jessica joshua judith kenneth laura leonard "
    "lydia malcolm martha martin matilda maurice miriam nathan norman oliver pamela patrick philip phoebe rachel ralph"
).split()
SOUNDS = "bar cot den fal gor hin jel kam lor mit nar pel ros sut tam vin wel yor".split()


def mistyped(text: str, chance: random.Random) -> str:
    """One sign lost, doubled or another one in its place."""
    at = chance.randrange(len(text))
    if text.isdecimal():
        return text[:at] + str((int(text[at]) + chance.randrange(1, 10)) % 10) + text[at + 1 :]
    return text[:at] + chance.choice(["", text[at] * 2, "e" if text[at] != "e" else "a"]) + text[at + 1 :]


def names_and_birth_dates(people: int, twice: int) -> Labelled:
    """So many people, some of them twice, the second time with one error in given name, family name or birth date."""
    chance = random.Random(7)
    rows: list[dict[str, str]] = []
    for person in range(people):
        row = {
            "given_name": chance.choice(GIVEN),
            "family_name": "".join(chance.choice(SOUNDS) for _ in range(3)),
            "birth_date": f"{chance.randrange(1930, 2006)}{chance.randrange(1, 13):02}{chance.randrange(1, 29):02}",
        }
        rows.append({"record": f"{person:05}a", **row})
        if person < twice:
            field = chance.choice(list(row))
            rows.append({"record": f"{person:05}b", **row, field: mistyped(row[field], chance)})
    table = pl.DataFrame(rows).to_arrow()
    return Labelled("names and birth dates", table, {row["record"]: row["record"][:5] for row in rows})


def test_names_and_birth_dates_only_each_duplicate_with_an_error():
    data = names_and_birth_dates(1500, 600)
    result = link(data.table)
    assert {comparison.name for comparison in result.model.comparisons} == {"name", "birth"}
    # What was not learned says why.
    assert {*result.model.trained, *result.model.fell_back} == {"name", "birth"}
    assert alone(data, result).precision >= 0.995
    assert with_proposals(data, result).f1 >= 0.95
