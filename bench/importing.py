"""Import measured: a CSV file of 12 columns, from reading to sealed, at 10 k, 100 k and 1 M rows.

python -m bench.importing                       # each size in a fresh installation of its own
python -m bench.importing --rows 100000         # one size
python -m bench.importing --dirty               # every fifth row needs a library's care: a number or date as people write them

Beside it, in the same run and server, the same rows by a bare COPY into a plain table.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kehu.doors.cli.installation import install
from kehu.host.database import Database
from kehu.host.home import Home

SIZES: Final = (10_000, 100_000, 1_000_000)
HEADER: Final = (
    "external_id,full_name,gender,birth_date,email,phone,street,house_number,locality,region,postal_code,country"
)
_PART: Final = 100_000
_LOOK: Final = 3.0  # seconds between two looks at the memory: each takes a core for a twentieth of one
_SURNAMES: Final = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋"
_GIVEN: Final = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华建文辉力玲健云飞鹏宇浩晨欣雨佳琪梓涵子轩一诺思远嘉怡"
_MOBILES: Final = (
    130,
    131,
    135,
    138,
    139,
    150,
    151,
    155,
    158,
    159,
    176,
    177,
    178,
    180,
    182,
    186,
    187,
    188,
    189,
    198,
    199,
)
_PLACES: Final = (("北京市", "朝阳区"), ("上海市", "浦东新区"), ("广东省", "深圳市"), ("浙江省", "杭州市"))


def write_file(path: Path, rows: int, *, dirty: bool = False) -> None:
    """A file of made-up people, the same for the same number of rows; ``dirty``: one in five written as people write."""
    chance = random.Random(rows)
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER + "\n")
        for number in range(rows):
            name = chance.choice(_SURNAMES) + "".join(chance.choices(_GIVEN, k=chance.choice((1, 2, 2))))
            born = f"{chance.randint(1940, 2005)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
            region, locality = chance.choice(_PLACES)
            phone = f"{chance.choice(_MOBILES)}{chance.randrange(10**8):08}"
            if dirty and number % 5 == 0:
                year, month, day = born.split("-")
                born = chance.choice(
                    (f"{year}年{int(month)}月{int(day)}日", f"{day}.{month}.{year}", f"{year}/{int(month)}/{day}")
                )
                phone = chance.choice(
                    (
                        f"+49 (0)30 {phone[-7:]}",
                        f"0086-{phone[:3]} {phone[3:7]} {phone[7:]}",
                        f"({phone[:3]})-{phone[3:]}",
                    )
                )
                name = chance.choice((f" {name[0]}  {name[1:]}", f"{name} 先生", f"ＤＲ. {name}"))
            file.write(
                f"C{number:08},{name},{chance.choice('男女')},{born},u{number}@mail.example,{phone},人民路,"
                f"{chance.randint(1, 999)}号,{locality},{region},{chance.randint(100000, 699999)},CN\n"
            )


@dataclass(frozen=True, slots=True)
class Measured:
    """One import. Rates in rows per second; memory in MB, at its peak, of Kehu and of PostgreSQL with its shared part."""

    rows: int
    seconds: float
    first: float
    last: float
    python_mb: float
    postgres_mb: float
    database_mb: float
    longest: float
    cpu: float
    bare: float

    def row(self) -> str:
        """As a row of the table."""
        return (
            f"| {self.rows:,} | {self.seconds:.1f} | {self.rows / self.seconds:,.0f} | {self.first:,.0f} | {self.last:,.0f} |"
            f" {self.last / self.first:.2f} | {self.python_mb:.0f} | {self.postgres_mb:.0f} |"
            f" {self.python_mb + self.postgres_mb:.0f} | {self.database_mb / self.rows * 1e3:.2f} | {self.longest:.2f} | {self.cpu / self.rows * 1e6:.0f} |"
            f" {self.rows / self.bare:,.0f} | {self.bare / self.seconds:.3f} |"
        )


def _memory(server: int) -> tuple[float, float]:
    """MB held by this process with its children and by the server's; a page shared by several counts once (PSS)."""
    ours = theirs = 0.0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            status = re.search(r"^PPid:\s+(\d+)", (process / "status").read_text(), re.MULTILINE)
            parent = int(status[1]) if status else 0
            is_server = server in (int(process.name), parent)
            if not is_server and os.getpid() not in (int(process.name), parent):
                continue
            found = re.search(r"^Pss:\s+(\d+)", (process / "smaps_rollup").read_text(), re.MULTILINE)
        except OSError:
            continue
        held = int(found[1]) / 1024 if found else 0.0
        if is_server:
            theirs += held
        else:
            ours += held
    return ours, theirs


@contextmanager
def _watched(server: int) -> Iterator[Callable[[], tuple[float, float]]]:
    peak = [0.0, 0.0]
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(_LOOK):
            now = _memory(server)
            peak[:] = [max(pair) for pair in zip(peak, now, strict=True)]

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield lambda: (peak[0], peak[1])
    finally:
        stop.set()
        thread.join()


def measure(rows: int, path: Path) -> Measured:
    """Import a file into the installation of this process's home."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "kehu.host.settings"
    home = Home.current()
    install(home)
    database = Database(home)
    database.start()
    from django.db import connection

    from kehu.collect.imports import actions
    from kehu.collect.imports.recipe import ImportTerms
    from kehu.guard.staff.actions import owner_actor

    marks: list[tuple[int, float]] = []
    server = int((database.embedded.data / "postmaster.pid").read_text().split()[0]) if database.embedded else 0
    with _watched(server) as memory:
        started, busy = time.perf_counter(), time.process_time()
        marks.append((0, started))
        who = owner_actor()
        planned = actions.plan(ImportTerms(files=(path,), channel="file", basis="contract", residence="CN"), actor=who)
        done = actions.run(
            actions.start(planned, actor=who), actor=who, link=False,
            progress=lambda held: marks.append((held.rows, time.perf_counter())),
        )  # fmt: skip
        seconds = time.perf_counter() - started
        cpu = time.process_time() - busy
        held = memory()
    assert done.created == rows, done
    with connection.cursor() as cursor:
        cursor.execute("select pg_database_size(current_database())")
        size = cursor.fetchone()[0]
    bare = _bare_copy(database, path)
    connection.close()
    database.release()
    for left in database.folders():
        shutil.rmtree(left, ignore_errors=True)
    part = min(_PART, rows)
    first = next(at for at in marks if at[0] >= part)
    tail = next(at for at in marks if at[0] >= rows - part)
    begun = marks[1] if rows > part else marks[0]
    longest = max(later[1] - earlier[1] for earlier, later in itertools.pairwise(marks[1:])) if rows > part else 0.0
    return Measured(
        rows, seconds, (first[0] - begun[0]) / (first[1] - begun[1]), part / max(1e-9, marks[-1][1] - tail[1]), *held,
        size / 2**20, longest, cpu, bare,
    )  # fmt: skip


def _bare_copy(database: Database, path: Path) -> float:
    """Seconds that PostgreSQL takes to copy the file into a plain table of as many texts, and commit."""
    from kehu.guard.setup import open_owner

    with open_owner(database) as owner:
        owner.execute(f"create table bench_bare ({', '.join(f'{name} text' for name in HEADER.split(','))})")
        began = time.perf_counter()
        statement = "copy bench_bare from stdin (format csv, header)"
        with path.open("rb") as file, owner.cursor() as cursor, cursor.copy(statement) as copy:
            while part := file.read(1 << 20):
                copy.write(part)
        return time.perf_counter() - began


def main() -> None:
    """Measure each size in a process and a home of its own; print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, action="append")
    parser.add_argument("--dirty", action="store_true")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(measure(asked.rows[0], asked.one).row(), flush=True)
        return
    print(
        f"`python -m bench.importing`, {os.cpu_count()} cores, 12 columns, names searchable by characters and pinyin\n"
    )
    print(
        "| rows | s | rows/s | first 100 k | last 100 k | growth | Kehu MB | PostgreSQL MB | sum MB | KB/row | longest chunk s | CPU µs/row | bare COPY rows/s | ratio to it |"
    )
    print("|--:" * 14 + "|")
    for rows in asked.rows or SIZES:
        with tempfile.TemporaryDirectory(prefix="kehu-bench-") as folder:
            path = Path(folder) / "people.csv"
            write_file(path, rows, dirty=asked.dirty)
            home = {"KEHU_HOME": str(Path(folder) / "home"), "POLARS_MAX_THREADS": "1"}
            command = [sys.executable, "-m", "bench.importing", "--one", str(path), "--rows", str(rows)]
            subprocess.run(command, env=os.environ | home, check=True)


if __name__ == "__main__":
    main()
