"""Learning curves: what weights learned from few or many records are worth, and what people's answers add.

python -m bench.curves --historical FILE

Weights are learned from so many records of historical people, unlabelled; then 5,000 records of others are linked by them.
Answers are the truth of questions about the largest of those sets, the least sure first, as the queue asks them.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

from bench.linkage import Labelled, alone, historical, with_proposals
from kehu.refine.resolve.compare.features import prepare
from kehu.refine.resolve.compare.odds import shift_of
from kehu.refine.resolve.linkage.link import learn, link

SIZES: Final = (1_000, 5_000, 10_000, 20_000, 50_000)
ANSWERS: Final = (0, 50, 200, 1_000)
_HELD_OUT: Final = 5_000
_ASKED_OF: Final = 10_000  # records whose questions are answered


def parts(data: Labelled, seed: int) -> tuple[Labelled, Labelled]:
    """Whole people: those to learn from, and so many records of others."""
    people = sorted(set(data.truth.values()))
    random.Random(seed).shuffle(people)
    place = {person: number for number, person in enumerate(people)}
    records = sorted(data.truth, key=lambda record: (place[data.truth[record]], record))
    return some(data, records[_HELD_OUT:]), some(data, records[:_HELD_OUT])


def some(data: Labelled, records: Sequence[str]) -> Labelled:
    """These records of a set, in this order."""
    frame = pl.DataFrame({"record": records}).join(
        pl.DataFrame(pl.from_arrow(data.table)), on="record", how="left", maintain_order="left"
    )
    return Labelled(data.name, frame.to_arrow(), {record: data.truth[record] for record in records})


def by_records(taught: Labelled, held_out: Labelled, size: int) -> dict[str, Any]:
    """Learn from the first so many records, link the others, print; returns the weights."""
    lesson = some(taught, list(taught.truth)[:size])
    model, weights = learn(prepare(lesson.table), "person", None, everybody=True)
    result = link(held_out.table, weights=weights, everybody=True)
    back = ", ".join(f"{name} ({why})" for name, why in sorted(model.fell_back.items())) or "nothing"
    print(f"{len(lesson.truth):>7,} records  by itself {alone(held_out, result)}")
    print(f"{'':16} proposals {with_proposals(held_out, result)}")
    print(f"{'':16} shipped weights kept: {len(model.fell_back)} of {len(model.comparisons)}: {back}", flush=True)
    return dict(weights or {})


def by_answers(taught: Labelled, held_out: Labelled, weights: dict[str, Any]) -> None:
    """Move the weights by as many bits as so many answers say, link, print."""
    lesson = some(taught, list(taught.truth)[:_ASKED_OF])
    asked = sorted(link(lesson.table, weights=weights, everybody=True).proposals, key=lambda one: abs(one[2]))
    labels = [(weight, lesson.truth[left] == lesson.truth[right]) for left, right, weight in asked]
    for count in ANSWERS:
        shift = shift_of(labels[:count])
        result = link(held_out.table, weights={**weights, "shift": shift}, everybody=True)
        yes = sum(said for _, said in labels[:count])
        print(f"{min(count, len(labels)):>7,} answers, {yes:,} yes: {shift:+.2f} bits")
        print(f"{'':16} by itself {alone(held_out, result)}  ({len(result.proposals):,} questions)", flush=True)


def main() -> int:
    """Both curves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--historical", type=Path, required=True)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    taught, held_out = parts(historical(given.historical), given.seed)
    weights: dict[str, Any] = {}
    for size in given.sizes:
        weights = by_records(taught, held_out, size)
    by_answers(taught, held_out, weights)
    return 0


if __name__ == "__main__":
    sys.exit(main())
