"""Linkage of made-up people on Spark: seconds, and the memory of the Java process and Python together.

python -m bench.spark --records 200000
KEHU_SPARK_MEMORY=8g python -m bench.spark --records 5000000
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from bench.linkage import alone, fetch_febrl, made_up, with_proposals
from bench.resolve import Memory
from kehu.refine.resolve.linkage.spark import link_on_spark, session


def measure(folder: Path, count: int) -> None:
    """One linkage, from a table on the driver to groups."""
    data = made_up(folder, count)
    with tempfile.TemporaryDirectory() as home, Memory([home]) as memory:
        started = time.perf_counter()
        with session(Path(home)) as spark:
            up = time.perf_counter() - started
            result = link_on_spark(
                data.table,
                spark=spark,
                progress=lambda step, _: print(f"  {time.perf_counter() - started - up:6.0f} s {step}", flush=True),
            )
    print(f"{data.name} on Spark: {result.seconds:.0f} s and {up:.0f} s to start, {result.pairs:,} pairs, "
          f"{len(result.merges):,} groups, peak of Java and workers {memory.peak / 2**30:.2f} GB")  # fmt: skip
    print(f"  merged by itself    {alone(data, result)}")
    print(f"  proposals accepted  {with_proposals(data, result)}", flush=True)


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "kehu")
    parser.add_argument("--records", type=int, nargs="*", default=[20_000])
    given = parser.parse_args()
    folder = fetch_febrl(given.cache)
    if folder is None:
        print("The FEBRL files cannot be had: no network?", file=sys.stderr)
        return 1
    for count in given.records:
        measure(folder, count)
    return 0


if __name__ == "__main__":
    sys.exit(main())
