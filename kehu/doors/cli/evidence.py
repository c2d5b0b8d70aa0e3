"""Commands on the ledger: list, verify, checkpoint, prove, consistency, and what checks them elsewhere."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from kehu.doors.cli.frame import BROKEN, DONE, MOMENT, Pages, actor, command, subject_id


@click.group()
def ledger() -> None:
    """What passed the gate, and the proof of it."""


@ledger.command("list", epilog="Example: kehu ledger list --subject 0199… --json")
@click.option("--subject", help="Rows about one customer.")
@click.option("--staff", help="Rows of one member of staff, by email; `owner` for the home's owner.")
@click.option("--since", type=MOMENT, help="Rows from this moment on (UTC).")
@click.option("--until", type=MOMENT, help="Rows before this moment (UTC).")
@click.option("--purpose", help="Rows under one purpose.")
@click.option("--limit", type=click.IntRange(min=1), help="The newest N only.")
@command()
def list_(
    subject: str | None,
    staff: str | None,
    since: datetime | None,
    until: datetime | None,
    purpose: str | None,
    limit: int | None,
) -> Any:
    """What passed the gate, newest first; reading it is itself recorded. Sums of it: `kehu ledger inquire`."""
    from kehu.serve.assurance import queries

    found = queries.rows_by_page(
        actor=actor(),
        subject=subject_id(subject) if subject else None,
        staff=staff,
        since=since,
        until=until,
        purpose=queries.purpose_number(purpose) if purpose else None,
        limit=limit,
    )
    return Pages("rows", found)


@ledger.command(epilog="Example: kehu ledger inquire --staff li@shop.example --since 2026-11-01 --until 2026-11-08")
@click.option("--subject", help="Who used this customer's data.")
@click.option("--staff", help="What this person saw (email; `owner` for the home's owner).")
@click.option("--purpose", help="Everything under this purpose.")
@click.option("--since", type=MOMENT, help="From this moment on (UTC).")
@click.option("--until", type=MOMENT, help="Before this moment (UTC).")
@command()
def inquire(
    subject: str | None, staff: str | None, purpose: str | None, since: datetime | None, until: datetime | None
) -> Any:
    """Sum up what passed the gate: by whom, for what, how many people, which fields, under which laws.

    The options narrow it together; without one it is the whole ledger. `uses` counts a record of a person once a row
    and stays the same after an erasure; how many different records those were is told between `at_least` and
    `at_most`, since an erased one can no longer be told from another. The inquiry is itself recorded.
    """
    from kehu.serve.assurance import queries

    return queries.inquire(
        actor=actor(),
        subject=subject_id(subject) if subject else None,
        staff=staff,
        purpose=purpose,
        since=since,
        until=until,
    )


@ledger.command(epilog="Example: kehu ledger verify --against kept-checkpoint.txt")
@click.option(
    "--against", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A checkpoint kept elsewhere."
)
@command()
def verify(against: Path | None) -> Any:
    """Recompute every hash, tree, signature and MAC."""
    from kehu.serve.assurance import queries

    answer = queries.verify(actor=actor(), against=_note(against) if against else None)
    return answer, DONE if answer["ok"] else BROKEN


@ledger.command(epilog="Example: kehu ledger retire --dry-run")
@click.option("--dry-run", is_flag=True, help="Count what would go; nothing does.")
@command()
def retire(dry_run: bool) -> Any:
    """Take the body of rows older than KEHU_LEDGER_DAYS (3 years); a hold keeps a row. Each night it runs by itself.

    The hash of each row stays, so that the tree, checkpoints and proofs handed out still hold. No row younger than six
    months goes, whatever is set: the database itself refuses. Stopped, it goes on where it was.
    """
    from kehu.doors.cli.bars import counted
    from kehu.guard.ledger import retirement
    from kehu.serve.assurance import queries

    who = actor()
    queries.hash_pending()
    with counted("rows") as told:
        found = retirement.retire(actor=who, dry_run=dry_run, progress=told)
    return {
        "dry_run": dry_run, "retired": found.rows, "held": found.held,
        "first": found.first.isoformat() if found.first else None,
        "last": found.last.isoformat() if found.last else None,
    }  # fmt: skip


@ledger.command(epilog="Example: kehu ledger checkpoint > kept-checkpoint.txt")
@command()
def checkpoint() -> Any:
    """The newest signed tree head."""
    from kehu.serve.assurance import queries

    return {"checkpoint": queries.checkpoint(actor=actor())}


@ledger.command(epilog="Example: kehu ledger prove 42 --subject 0199… --json")
@click.argument("seq", type=int)
@click.option("--subject", help="Prove also that the row is about this customer.")
@command()
def prove(seq: int, subject: str | None) -> Any:
    """Prove that a row is in the log, and that a customer is in the row."""
    from kehu.serve.assurance import queries

    return queries.prove(seq, actor=actor(), subject=subject_id(subject) if subject else None)


@ledger.command(epilog="Example: kehu ledger consistency kept-checkpoint.txt --json > consistency.json")
@click.argument("old")
@click.argument("new", type=click.IntRange(min=1), required=False)
@command()
def consistency(old: str, new: int | None) -> Any:
    """Prove that the log only grew since OLD: a number of rows, or the file of a checkpoint that you kept.

    NEW is the number of rows of a checkpoint, by default the newest. 4 where the log here is not the one of OLD.
    """
    from kehu.serve.assurance import proofs

    before: int | str = int(old) if old.isascii() and old.isdigit() else _note(Path(old))
    answer = proofs.consistency(before, new, actor=actor())
    return answer, BROKEN if "broken" in answer else DONE


@ledger.command(epilog="Example: kehu ledger key > log.key; keep it where this installation cannot change it")
@command()
def key() -> Any:
    """The log's public key (C2SP): publish it, so that anybody can check a proof."""
    from kehu.serve.assurance import proofs

    return {"key": proofs.log_key()}


@ledger.command(epilog="Example: kehu ledger verifier > verify.py && python verify.py proof.json --key log.key")
@command()
def verifier() -> Any:
    """The stand-alone checker of proofs: one Python file that needs nothing of Kehu."""
    from kehu.serve.assurance import proofs

    return {"verifier": proofs.verifier_text()}


def _note(path: Path) -> str:
    """The checkpoint in a file: the note itself, or the object that ``ledger checkpoint --json`` printed.

    Raises:
        ValueError: the file is no text.
    """
    import json

    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        raise ValueError("the checkpoint: there is no such file") from None
    except UnicodeDecodeError:
        raise ValueError("the checkpoint: it is UTF-8 text") from None
    if not text.lstrip().startswith("{"):
        return text
    try:
        return str(json.loads(text)["checkpoint"])
    except (json.JSONDecodeError, KeyError):
        raise ValueError("the checkpoint: the file holds none") from None
