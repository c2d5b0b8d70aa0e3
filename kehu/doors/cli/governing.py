"""Commands on the rules: the policies in words, checked, and tried before they are in force."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kehu.doors.cli.frame import FAILED, Failure, actor, command, language, set_django_up

if TYPE_CHECKING:
    from kehu.guard.gate.policies import PolicySet

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def policies() -> None:
    """The policies that decide each use."""


@policies.command("list", epilog="Example: kehu policies list --law eu")
@click.option("--law", type=click.Choice(["house", "cn", "eu", "us", "jp", "au"]), help="Those of one law only.")
@command()
def list_(law: str | None) -> Any:
    """The policies in force in words, with the rows of the ledger that name each in the last 30 days."""
    from kehu.serve.assurance import rules

    return {"policies": [asdict(one) for one in rules.policies(language(), law=law)]}


@policies.command(epilog="Example: kehu policies check ./policies")
@click.argument("folder", type=_FOLDER)
@command(needs_home=False, starts=False)
def check(folder: Path) -> Any:
    """Whether the policies of a folder fit their schema and have an id, an article and words in each language."""
    set_django_up()  # what loads policies imports models; no database is asked
    held = _loaded(folder)
    return {"ok": True, "policies": len(list(held)), "digest": held.digest}


@policies.command(epilog="Example: kehu policies replay ./policies --days 30")
@click.argument("folder", type=_FOLDER)
@click.option("--days", type=click.IntRange(1, 3660), default=30, show_default=True, help="How far to look back.")
@command()
def replay(folder: Path, days: int) -> Any:
    """What would have been answered otherwise, had the policies of FOLDER been in force.

    Every decision the ledger used in those days is made again from what was asked, who asked and the customer's state;
    nobody is opened, nothing comes into force. `rows` and `uses` say how much of the ledger a change would have touched.
    """
    from kehu.serve.assurance import rules

    who = actor()
    found = rules.try_policies(_loaded(folder), days=days, actor=who)
    return rules.replay_answer(found, days=days)


def _loaded(folder: Path) -> PolicySet:
    """The policies of a folder; what is wrong with them names no one, so it is told in full."""
    from kehu.serve.assurance import rules

    try:
        return rules.load_policies(folder)
    except (ValueError, OSError) as wrong:
        raise Failure(FAILED, "policies", str(wrong), "Mend the policy named, then run it again.") from None


@click.command(epilog="Example: kehu laws --law eu --unread")
@click.option("--law", type=click.Choice(["cn", "eu", "us", "jp", "au"]), help="One law only.")
@click.option("--unread", is_flag=True, help="Only rows whose text nobody has read yet.")
@command()
def laws(law: str | None, unread: bool) -> Any:
    """The law in force here: every pack's rows with article and source, its counting rule, and what is kept how long."""
    from kehu.serve.assurance import law as in_force

    held = in_force.laws_in_force(language(), law=law.upper() if law else None)
    return {
        "settings": in_force.settings(),
        "laws": [
            {
                "law": one.id, "label": one.label, "version": one.version, "read": one.read, "unread": one.unread,
                "policies": one.policies, "counting": one.counting["rule"], "counting_read": one.counting["read"],
                "zone": one.counting["zone"], "calendar": one.counting["calendar"],
            }
            for one in held
        ],
        "rows": [
            {
                "law": one.id, "kind": line.kind, "id": line.id, "article": line.article, "source": line.source,
                "read": line.read, "binds": line.binds, "text": line.text, "detail": line.detail,
                "policies": [name for name, _ in line.policies],
            }
            for one in held
            for line in one.lines
            if not (unread and line.read)
        ],
        "kept": in_force.kept(),
    }  # fmt: skip
