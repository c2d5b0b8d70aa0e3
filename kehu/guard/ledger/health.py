"""What may be wrong with the ledger while it runs: rows that wait, witnesses that are behind or object."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from django.db import connection

from kehu.guard.ledger import witness
from kehu.guard.ledger.delay import delay
from kehu.host.checks import Finding, Said
from kehu.host.home import Home

_PATIENCE: Final = 600  # seconds a witness may be out of reach
_WHY: Final = {
    "absent": Said("its folder is not there"),
    "unreachable": Said("it does not answer"),
    "unknown": Said("it does not know this log"),
    "answer": Said("it answers otherwise than a witness does"),
    "cosignature": Said("it does not sign with its key"),
    "error": Said("handing over failed, see log/sequencer.log"),
    "ahead": Said("it has seen more rows than are here: the log was cut short, or a backup restored"),
    "forked": Said("what it has seen is not the beginning of the log here"),
}


def check_delay() -> Iterator[Finding]:
    """A row that has waited over a minute to be hashed; read while the system runs."""
    waited = delay()
    if waited.alarming:
        remedy = Said("See log/sequencer.log.")
        if waited.held_by:
            remedy = Said("{program} holds a write transaction open: end it.", program=waited.held_by)
        yield Finding(
            "ledger.delay", "error",
            Said(
                "{n} rows of the ledger wait to be hashed, the oldest {seconds} s.", n=waited.rows, seconds=int(waited.seconds)
            ),
            remedy,
        )  # fmt: skip


def check_witnesses(home: Home, *, running: bool) -> Iterator[Finding]:
    """A setting nobody can read, a witness out of reach for ten minutes, and one that disputes the log itself.

    ``running``: the system is up, so that one which was not shown a checkpoint for so long is a finding, whatever is said.
    """
    try:
        found = witness.standings(home)
    except ValueError as wrong:
        yield Finding("witness.setting", "error", str(wrong), Said("Mend {setting}.", setting=witness.SETTING))
        return
    if not found:
        yield Finding(
            "witness.none", "note", "No witness sees the checkpoints: a ledger and its home cut short together go unseen.",
            Said("Set {setting} to a folder or a service elsewhere.", setting=witness.SETTING),
        )  # fmt: skip
    for number, standing in enumerate(found, 1):
        if standing.why is None:
            if running and (waits := _waits(standing.size)) > _PATIENCE:
                yield Finding(
                    "witness.behind", "warning",
                    Said("Witness {n} was not shown a checkpoint for {minutes} minutes.", n=number, minutes=int(waits / 60)),
                    "Restart the sequencer (kehu up); see log/sequencer.log.",
                )  # fmt: skip
            continue
        text = Said(
            "Witness {n} does not take the checkpoints since {since}: {why}.",
            n=number, since=standing.failing_since, why=_WHY[standing.why],
        )  # fmt: skip
        if standing.why in witness.DOUBTS:
            yield Finding("witness.disputes", "error", text, "Run: kehu ledger verify --against what the witness holds")
        elif _seconds_since(standing.failing_since) > _PATIENCE:
            yield Finding("witness.behind", "warning", text, "Mend it; what it missed is handed over by itself.")


def _waits(size: int) -> float:
    """Seconds since the first checkpoint was made that a witness of this size has not."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select coalesce((select extract(epoch from clock_timestamp() - at)::float8 from ledger_checkpoint"
            " where size > %s order by size limit 1), 0)",
            [size],
        )
        [seconds] = cursor.fetchone()
    return float(seconds)


def _seconds_since(moment: str | None) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds() if moment else 0.0
