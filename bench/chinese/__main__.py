"""Linkage measured on the Chinese set: what merges by itself, and with the queue answered by the truth.

python -m bench.chinese                        # 20,000 records of persons
python -m bench.chinese --records 2000 --kind organisation
python -m bench.chinese --worst 0              # without the worst pairs
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

import polars as pl

from bench.chinese import Made, make
from bench.linkage import alone, answered, customers, with_truth
from kehu.refine.resolve.linkage.link import LinkResult, link


def households_merged(made: Made, groups: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Groups that hold two members of one household."""
    return [group for group in groups if _two_of_one(made, group)]


def _two_of_one(made: Made, group: Sequence[str]) -> bool:
    members = defaultdict(set)
    for record in group:
        members[made.household[record]].add(made.data.truth[record])
    return any(len(people) > 1 for people in members.values())


def worst(made: Made, result: LinkResult, count: int) -> Iterator[str]:
    """The worst pairs in words: merged though two people, then one person never even asked about, most alike first."""
    rows = {row["record"]: row for row in pl.DataFrame(pl.from_arrow(made.data.table)).iter_rows(named=True)}
    truth = made.data.truth
    found = customers(truth, result.merges)
    asked = customers(truth, with_truth(made.data, result))
    wrong = [pair for group in result.merges for pair in combinations(group, 2) if truth[pair[0]] != truth[pair[1]]]
    people = defaultdict(list)
    for record, person in truth.items():
        people[person].append(record)
    missed = [p for records in people.values() for p in combinations(records, 2) if asked[p[0]] != asked[p[1]]]
    missed.sort(key=lambda pair: -_alike(rows[pair[0]], rows[pair[1]]))
    assert all(found[left] == found[right] for left, right in wrong)
    half = max(count - len(missed), count // 2)
    for kind, pairs in (
        ("merged, two people", wrong[:half]),
        ("one person, neither merged nor asked", missed[: count - len(wrong[:half])]),
    ):
        for left, right in pairs:
            yield f"{kind}: {left} ({truth[left]}, {made.household[left]}) and {right} ({truth[right]}, {made.household[right]})"
            for field in rows[left]:
                one, other = rows[left][field], rows[right][field]
                if field != "record" and one != other:
                    yield f"    {field}: {one or '-'} | {other or '-'}"
            same = {field: value for field, value in rows[left].items() if value and value == rows[right][field]}
            yield f"    same: {', '.join(f'{field} {value}' for field, value in same.items()) or 'nothing'}"


def _alike(one: dict[str, str | None], other: dict[str, str | None]) -> int:
    return sum(1 for field, value in one.items() if value and value == other[field])


def report(made: Made, result: LinkResult, count: int) -> None:
    """Print the figures, then the worst pairs."""
    for name, number in sorted(made.counts.items()):
        print(f"  {number:>7,} {name}")
    data = made.data
    print(f"{data.name}: {result.seconds:.1f} s, {len(set(data.truth.values())):,} true, {result.pairs:,} pairs scored")
    print(f"  merged by itself            {alone(data, result)}")
    print(f"  queue answered by the truth {answered(data, result)}")
    wrong = sum(len({data.truth[record] for record in group}) > 1 for group in result.merges)
    print(f"  groups merged by themselves {len(result.merges):,}, of two or more people {wrong}, "
          f"of two of one household {len(households_merged(made, result.merges))}")  # fmt: skip
    yes = sum(data.truth[left] == data.truth[right] for left, right, _ in result.proposals)
    print(f"  questions {len(result.proposals):,}, answered yes {yes:,}")
    for line in worst(made, result, count):
        print(f"  {line}")


def main() -> None:
    """Make the set, link it, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--kind", choices=("person", "organisation"), default="person")
    parser.add_argument("--worst", type=int, default=20)
    given = parser.parse_args()
    made = make(given.records, seed=given.seed, kind=given.kind)
    report(made, link(made.data.table, kind=given.kind), given.worst)


if __name__ == "__main__":
    main()
