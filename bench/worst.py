"""The worst pairs of each set with their evidence: degrees of agreement and bits.

python -m bench.worst                                          # FEBRL 3 and 4 without number, the Chinese set, a census
python -m bench.worst --historical FILE --only historical --worst 20

Wrong merges and wrong questions, the heaviest first; then pairs of one person that are neither merged nor brought together
by the questions, those that weigh most first. Public and made-up records only: values are printed.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

from bench.against import sets
from bench.census import fetch_forms
from bench.linkage import Labelled, customers, fetch_febrl
from kehu.refine.resolve.compare.features import prepare
from kehu.refine.resolve.compare.guards import guards
from kehu.refine.resolve.compare.scoring import doubts, explain, frequencies, prior_bits, told_once
from kehu.refine.resolve.linkage.link import LinkResult, link

Pair = tuple[str, str]


def told(data: Labelled, result: LinkResult, count: int) -> Iterator[str]:
    """The worst pairs in words."""
    features = prepare(data.table)
    rows = dict(zip(features.records, features.table.to_pylist(), strict=True))
    held, common = guards(features, "person"), frequencies(features, result.model)

    def evidence(pair: Pair) -> tuple[float, list[str]]:
        left, right = (rows[record] for record in pair)
        degrees = explain(left, right, result.model, frequencies=common)
        weight = (
            prior_bits(result.model)
            + sum(one.all_bits for one in degrees)
            + told_once(left, right, degrees, result.model)
        )
        said = [f"{one.comparison}: {one.label} {one.all_bits:+.1f}" for one in degrees]
        return weight, [*said, *(f"held back: {name}" for name in doubts(left, right, held))]

    given = {row["record"]: row for row in data.table.to_pylist()}
    for kind, pairs in kinds(data, result).items():
        weighed = sorted(((*evidence(pair), pair) for pair in pairs), key=lambda one: -one[0])
        yield f"{kind}: {len(pairs):,}"
        for weight, degrees, (left, right) in weighed[:count]:
            yield f"  {weight:+.1f} bits  {left} | {right}"
            yield f"      {'; '.join(degrees)}"
            for name, value in given[left].items():
                if name != "record" and value != given[right][name]:
                    yield f"      {name}: {value or '-'} | {given[right][name] or '-'}"


def kinds(data: Labelled, result: LinkResult) -> dict[str, list[Pair]]:
    """Pairs that are wrong, by the kind of mistake."""
    truth = data.truth
    whole = customers(truth, [*result.merges, *((left, right) for left, right, _ in result.proposals)])
    people: dict[str, list[str]] = defaultdict(list)
    for record, person in truth.items():
        people[person].append(record)
    return {
        "merged, two people": list(_wrong(result.merges, data)),
        "asked about, two people": [(one, two) for one, two, _ in result.proposals if truth[one] != truth[two]],
        "one person, neither merged nor asked": [
            pair for held in people.values() for pair in combinations(held, 2) if whole[pair[0]] != whole[pair[1]]
        ],
    }


def _wrong(groups: Sequence[Sequence[str]], data: Labelled) -> Iterator[Pair]:
    for group in groups:
        for left, right in combinations(group, 2):
            if data.truth[left] != data.truth[right]:
                yield left, right


def main() -> int:
    """Link each set and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "kehu")
    parser.add_argument("--historical", type=Path)
    parser.add_argument("--chinese", type=int, default=20_000, help="records of the Chinese set")
    parser.add_argument("--only", default="", help="sets whose name begins so")
    parser.add_argument("--worst", type=int, default=20, help="pairs of each kind")
    given = parser.parse_args()
    folder = fetch_febrl(given.cache)
    if folder is None:
        print("The FEBRL files cannot be had: no network?", file=sys.stderr)
        return 1
    for name, (load, _) in sets(folder, given.historical, given.chinese, fetch_forms(given.cache)).items():
        if name.startswith(given.only) and not name.endswith("with number"):
            data = load()
            print(f"== {data.name}")
            for line in told(data, link(data.table), given.worst):
                print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
