"""All measurements, one after another: ``python -m bench --short`` in minutes, ``--full`` up to a million records.

Each part runs in a process and a home of its own and prints its figures; one that cannot run here says why and the others
go on. Copy what is worth keeping into RESULTS.md, with the machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import time

# the name of a part, what it is called with in the short mode, and in the full one
PARTS: tuple[tuple[str, list[list[str]], list[list[str]]], ...] = (
    ("bench.gate", [["10000"]], [["10000"], ["100000"]]),
    ("bench.ledger", [["20000"]], [["100000"]]),
    (
        "bench.serving",
        [["--records", "10000", "--rounds", "2", "--seconds", "4"]],
        [["--records", "100000"], ["--records", "1000000"]],
    ),
    ("bench.replay", [["20000", "100"]], [["100000", "500"]]),
    ("bench.importing", [["--rows", "10000"]], [["--rows", "10000"], ["--rows", "100000"], ["--rows", "1000000"]]),
    (
        "bench.watch",
        [["--speed", "10000"]],
        [["--speed", "10000", "100000", "1000000"], ["--seeds", "11", "12", "13"]],
    ),
    ("bench.quality", [["10000"]], [["100000"], ["1000000"]]),
    (
        "bench.traits",
        [["--orders", "1000000", "--event"]],
        [["--orders", "10000000", "--event"], ["--vault", "100000"]],
    ),
    ("bench.chinese", [["--records", "5000"]], [[], ["--records", "2000", "--kind", "organisation"]]),
    ("bench.suppressing", [["10000"]], [["10000"], ["100000"]]),
    ("bench.census", [[]], [[]]),
    ("bench.classify", [["--patterns"]], [["--patterns"], []]),
    (
        "bench.live",
        [["--records", "10000"]],
        [["--records", "10000", "100000", "1000000"], ["--vault", "10000", "100000"]],
    ),
    ("bench.spark", [["--records", "20000"]], [["--records", "20000", "200000"]]),
    ("bench.against", [["--only", "FEBRL 3"]], [[]]),
    ("bench.worst", [["--only", "FEBRL 3", "--worst", "5"]], [[]]),
    ("bench.resolve", [["--records", "10000"]], [["--quality"], ["--records", "100000", "1000000"]]),
)


def machine() -> str:
    """What it ran on, in one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    disk = shutil.disk_usage("/tmp").free / 2**30  # noqa: S108  (homes of benches lie there)
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.machine()},"
        f" Python {platform.python_version()}, {disk:.0f} GB free, load {os.getloadavg()[0]:.1f}"
    )


def main() -> None:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--short", action="store_true", help="as without --full")
    parser.add_argument(
        "parts",
        nargs="*",
        help="gate ledger serving replay importing watch quality traits chinese classify live spark against worst resolve; default all",
    )
    told = parser.parse_args()
    print(f"{'full' if told.full else 'short'} run on {machine()}", flush=True)
    failed = []
    for module, short, full in PARTS:
        if told.parts and module.removeprefix("bench.") not in told.parts:
            continue
        for words in full if told.full else short:
            print(f"\n== python -m {module} {' '.join(words)}", flush=True)
            began = time.monotonic()
            if subprocess.run([sys.executable, "-m", module, *words]).returncode:
                failed.append(module)
            print(f"   {time.monotonic() - began:.0f} s", flush=True)
    if failed:
        sys.exit("did not run: " + ", ".join(failed))


if __name__ == "__main__":
    main()
