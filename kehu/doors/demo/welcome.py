"""What the demonstration says to whoever started it: where it is, one sign-in per role, three things to try."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kehu.doors.demo.book import SEED, cast
from kehu.doors.demo.layouts import load_table
from kehu.doors.demo.people import population
from kehu.guard.staff.actions import SignIn
from kehu.host.home import Home

_SEARCHED, _CUSTOMER = "twice", "consent-proven"


def words(language: str) -> dict[str, str]:
    """The sentences in a language."""
    found: dict[str, str] = load_table("welcome.toml")[language]
    return found


@dataclass(frozen=True, slots=True)
class Built:
    """What stands: whether the public data sets are in it, else why not."""

    public: bool
    missing: str


def standing(home: Home, *, public: bool) -> Built | None:
    """What was built whole at an earlier start; None where something is left to do."""
    built = (home.facts().get("demo") or {}).get("built")
    return Built(built == "public", "") if built == "public" or (built == "book" and not public) else None


def answer(
    url: str, sign_ins: Sequence[tuple[str, str, SignIn]], *, mail: str, command: str, language: str
) -> dict[str, Any]:
    """The same as an object: ``url``, ``sign_ins`` and ``try``."""
    text = words(language)
    people = cast()
    names = {"url": url, "command": command, "person": people[_SEARCHED].name, "mail": mail}
    return {
        "url": url,
        "sign_ins": [
            {
                "role": role,
                "department": department,
                "email": one.email,
                "password": one.password,
                "totp_secret": one.totp_secret,
            }
            for role, department, one in sign_ins
        ],
        "second_factor": text["second_factor"].format_map(names),
        "try": [text[f"try_{number}"].format_map(names) for number in (1, 2, 3)],
    }


def say(told: dict[str, Any], console: Console, *, language: str, ending: str) -> None:
    """Print it for people."""
    text = words(language)
    console.print()
    console.print(Text(text["ready"].format(url=told["url"]), style="bold"))
    console.print(text["made_up"])
    console.print()
    console.print(text["sign_ins"])
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", show_edge=False)
    columns = ("role", "department", "email", "password")
    for name in columns:
        table.add_column(text[name], no_wrap=True)
    for row in told["sign_ins"]:
        table.add_row(*(row[name] for name in columns))
    console.print(table)
    console.print(told["second_factor"])
    console.print()
    console.print(Text(text["try"], style="bold"))
    for number, line in enumerate(told["try"], 1):
        console.print(f"{number}. {line}")
    console.print()
    console.print(ending)


def customer_mail(book: Path) -> str:
    """The address of a made-up customer who agreed to everything."""
    day = date.fromisoformat(json.loads((book / "book.json").read_text(encoding="utf-8"))["today"])
    wanted = cast()[_CUSTOMER].external_id
    return next(record.person.email for record in population(SEED, day) if record.external_id == wanted)
