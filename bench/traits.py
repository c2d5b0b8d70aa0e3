"""Traits: counted up in bulk and event by event, and what it costs from the vault.

``python -m bench.traits --orders 1000000`` makes up that many orders as frames and computes the shipped traits of analytics in
memory; ``--event`` measures one order of one customer, counted up and put to what is kept; ``--vault 100000`` imports so many
orders into a home of its own and computes them through the gate; ``--cdnow FILE`` checks counts of CDNOW's published file
(``CDNOW_master.txt``, which the demonstration keeps). Each says wall and CPU time; with neighbours on the machine trust CPU.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from kehu.govern.purposes import load_purposes
from kehu.refine.derive.computing import Plan, counted, finished, together
from kehu.refine.derive.definition import shipped
from kehu.refine.derive.parting import cut_points

TODAY = date(2026, 11, 1)
_ONE_BY_ONE = 30
_NOTHING = {
    "who": pl.UInt32, "at": pl.Int64, "hour": pl.Int64, "weekday": pl.Int64, "kind": pl.String, "topic": pl.String,
    "rating": pl.Float64, "channel": pl.String,
}  # fmt: skip


@contextmanager
def measured(name: str, over: int = 1) -> Iterator[None]:
    """Print what a step took."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    each = f", {1e6 * wall / over:.2f} µs each" if over > 1 else ""
    print(f"{name:<46} {wall:8.3f} s wall {cpu:8.3f} s CPU{each}, peak {peak:.2f} GB", flush=True)


def plan(purpose: str = "analytics") -> Plan:
    """The shipped traits of a purpose."""
    held: dict[str, Any] = {}
    for slug, one in shipped().items():
        held[slug] = (one, one.checked(load_purposes(), held))
    return Plan.of({slug: made for slug, (one, made) in held.items() if one.purpose == purpose})


def made_up(orders: int, customers: int) -> dict[str, pl.DataFrame]:
    """Orders in no order, of customers who order five times each on average."""
    number = pl.col("i")
    frame = pl.select(pl.int_range(orders, dtype=pl.Int64).alias("i")).select(
        who=(number.hash(1) % customers).cast(pl.UInt32),
        ordered_at=1_500_000_000 + (number.hash(2) % 250_000_000).cast(pl.Int64),
        hour=(number.hash(3) % 24).cast(pl.Int64),
        weekday=(1 + number.hash(4) % 7).cast(pl.Int64),
        amount=((number.hash(5) % 90_000).cast(pl.Float64) / 100 + 1).round_sig_figs(2),
        currency=pl.when(number.hash(6) % 5 == 0).then(pl.lit("USD")).otherwise(pl.lit("CNY")),
        quantity=pl.lit(1.0),
        discount=pl.lit(0.0),
        product=pl.lit("green tea"),
        order_status=pl.when(number.hash(7) % 20 == 0).then(pl.lit("cancelled")).otherwise(pl.lit("paid")),
        channel=pl.when(number.hash(8) % 3 == 0).then(pl.lit("shop")).otherwise(pl.lit("store")),
    )
    return {"orders": frame, "interactions": pl.DataFrame(schema=_NOTHING)}


def in_bulk(orders: int) -> None:
    """Everybody's traits from frames in memory."""
    held = plan()
    frames = made_up(orders, max(1, orders // 5))
    print(f"{orders:,} orders, {len(held.traits)} traits, {pl.thread_pool_size()} threads")
    with measured("counted up", orders):
        states = counted(frames, held)
    with measured("made into values, parted into fifths", orders):
        values = finished(states, held, today=TODAY, cuts={}, parted=lambda _, frame: cut_points(frame, least=10))
    print({slug: frame.height for slug, frame in values.items()})


def one_event(rounds: int = 300) -> None:
    """One order of one customer: counted up, put to what is kept of them, made into values by fifths that stand."""
    held = plan()
    many = counted(made_up(20_000, 2_000), held)
    cuts: dict[str, Any] = {}

    def parted(slug: str, frame: pl.DataFrame) -> dict[str, list[float]]:
        return cuts.setdefault(slug, cut_points(frame, least=10))

    finished(many, held, today=TODAY, cuts={}, parted=parted)
    frames = made_up(200, 1)
    kept = counted(frames, held)
    first = {name: frame.head(1) for name, frame in frames.items()}
    wall, cpu = [], []
    for _ in range(rounds):
        began, used = time.perf_counter(), time.process_time()
        now = together([kept, counted(first, held)], held)
        finished(now, held, today=TODAY, cuts=cuts)
        wall.append(1e3 * (time.perf_counter() - began))
        cpu.append(1e3 * (time.process_time() - used))
    for name, took in (("wall", sorted(wall)), ("CPU", sorted(cpu))):
        print(f"one event, in memory: p50 {took[rounds // 2]:.2f} ms, p99 {took[-rounds // 100]:.2f} ms {name}")


def from_the_vault(orders: int) -> None:
    """Imported, computed through the gate, and one order more, again and again; and a thousand at once."""
    from bench.home import BenchHome

    with BenchHome() as made:
        from kehu.guard.staff.actions import add_staff, owner_actor
        from kehu.refine.derive import runs
        from kehu.refine.derive.actions import put_shipped_in_force

        for role in ("analyst", "manager"):
            add_staff(email=f"{role}@made-up.example", role=role, department=role, attest=True)
        people = ("analyst@made-up.example", "manager@made-up.example")
        put_shipped_in_force(owners={"analytics": people}, actor=owner_actor())
        with measured("brought in", orders):
            bring(made.home.path, range(orders), orders // 5)
        with measured("from the vault, everybody", orders):
            done = runs.compute(actor=owner_actor())
        print(done)
        cpu = []
        for number in range(orders, orders + _ONE_BY_ONE):
            bring(made.home.path, range(number, number + 1), orders // 5)
            used = time.perf_counter(), time.process_time()
            runs.catch_up()
            cpu.append((time.perf_counter() - used[0], time.process_time() - used[1]))
        for name, took in zip(("wall", "CPU"), map(sorted, zip(*cpu, strict=True)), strict=True):
            print(f"one more, of whom it came: p50 {1e3 * took[len(took) // 2]:.1f} ms {name} of this process")
        bring(made.home.path, range(orders + 1_000, orders + 2_000), orders // 5)
        with measured("1,000 more, of whom they came", 1_000):
            runs.catch_up()


def bring(folder: Path, numbers: range, customers: int) -> None:
    """Orders of made-up customers, as a file is brought in."""
    from kehu.collect.imports import actions as imports
    from kehu.collect.imports.recipe import ImportTerms
    from kehu.guard.staff.actions import owner_actor

    path = folder / f"orders-{numbers.start}.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("order_id,external_id,ordered_at,amount,currency,product\n")
        for n in numbers:
            day = date(2025, 1, 1) + timedelta(days=n % 600)
            file.write(f"O{n},K{n % max(1, customers)},{day} 10:30,{10 + n % 700}.50,CNY,green tea\n")
    terms = ImportTerms(files=(path,), channel="store", basis="contract", residence="AU", kind="orders")
    made = imports.start(imports.plan(terms, actor=owner_actor()), actor=owner_actor())
    imports.run(made, actor=owner_actor(), link=False)


def of_cdnow(path: Path) -> None:
    """What is known of CDNOW's file: 23,570 buyers, 69,659 purchases, 2,500,316 US dollars (Fader and Hardie, 2001)."""
    rows = [line.split() for line in path.read_text(encoding="ascii").splitlines()[1:]]
    buyers: dict[str, int] = {}
    frame = pl.DataFrame(
        [
            (buyers.setdefault(buyer, len(buyers)), (date(int(day[:4]), int(day[4:6]), int(day[6:])) - date(1970, 1, 1)).days
             * 86_400, None, 1, float(amount), "USD", float(quantity), 0.0, "CD", None, "shop")
            for buyer, day, quantity, amount in rows
        ],
        schema=made_up(1, 1)["orders"].schema, orient="row",
    )  # fmt: skip
    held = plan()
    last = date(1998, 6, 30)
    for name, amounts in (("as they are", pl.col("amount")), ("to two figures", pl.col("amount").round_sig_figs(2))):
        frames = {"orders": frame.with_columns(amounts), "interactions": pl.DataFrame(schema=_NOTHING)}
        values = finished(counted(frames, held), held, today=last, cuts={})
        print(
            f"{name}: {values['frequency'].height:,} buyers, {values['frequency']['value'].sum():,} purchases,"
            f" {values['money']['value'].sum():,.0f} dollars"
        )


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int)
    parser.add_argument("--event", action="store_true")
    parser.add_argument("--vault", type=int)
    parser.add_argument("--cdnow", type=Path)
    told = parser.parse_args()
    if told.orders:
        in_bulk(told.orders)
    if told.event:
        one_event()
    if told.cdnow:
        of_cdnow(told.cdnow)
    if told.vault:
        from_the_vault(told.vault)


if __name__ == "__main__":
    main()
