"""``kehu demo``: a company of made-up people, built and served with one command."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from kehu.doors.cli.frame import FAILED, Failure, command, language
from kehu.doors.cli.installation import install
from kehu.host.database import Database
from kehu.host.home import Home
from kehu.host.process import harden


@click.command(epilog="Example: kehu demo --port 8080")
@click.option("--port", type=int)
@click.option("--detach", is_flag=True, help="Return once everything is ready; `kehu down` stops it.")
@click.option("--offline", is_flag=True, help="The made-up book alone, without the public data sets.")
@command(needs_home=False, starts=False)
def demo(port: int | None, detach: bool, offline: bool) -> Any:
    """Build the demonstration company (once), give each role a new password, and serve it until Ctrl-C."""
    from kehu.host import supervisor

    harden()
    home = Home.current()
    try:
        chosen = supervisor.chosen_port(port)
        running = supervisor.status(home)
        if running is None:
            supervisor.check_free(chosen)
        told = _prepare(home, running.url if running else f"http://localhost:{chosen}", public=not offline)
        if running or detach:
            up = supervisor.up(home, chosen, detach=True)
            return told | {"url": up.url, "pid": up.pid}
        supervisor.up(home, chosen, ready=lambda _: _say(told))
    except supervisor.SupervisorError as failed:
        raise Failure(FAILED, "supervisor", str(failed)) from None
    return {"stopped": True}


def _prepare(home: Home, url: str, *, public: bool) -> dict[str, Any]:
    """Install and build what is not there yet; the database runs for that time only, however this ends."""
    with _told_to_stop():
        install(home)
        database = Database(home)
        database.start(kept=True)
        try:
            return _build(home, url, public=public)
        finally:
            from django.db import connections

            connections.close_all()
            database.release()


def _build(home: Home, url: str, *, public: bool) -> dict[str, Any]:
    from kehu.doors.demo import members, welcome

    words = welcome.words(language())
    built = welcome.standing(home, public=public)
    if built is None:
        with _progress(words["building"]) as bar:
            built = _built(home, bar, words, public=public)
    if public and built.missing:
        Console(stderr=True, markup=False, highlight=False).print(words["missing"].format(reason=built.missing))
    mail = home.facts()["demo"]["mail"]
    return welcome.answer(url, members.sign_ins(), mail=mail, command=_own_name(), language=language())


def _built(home: Home, bar: Progress, words: dict[str, str], *, public: bool) -> Any:
    from kehu.doors.demo import company  # heavy: with all that imports and links

    task = bar.add_task("", total=1.0)
    try:
        return company.build(
            home,
            public=public,
            report=lambda step, share: bar.update(task, completed=share, description=words[step]),
        )
    except company.HomeInUse:
        raise Failure(
            FAILED, "home-in-use", "This home holds an installation that is no demonstration.",
            "Name another one: KEHU_HOME=… kehu demo",
        ) from None  # fmt: skip


@contextmanager
def _progress(title: str) -> Iterator[Progress]:
    """A bar on a terminal; elsewhere a line when it begins."""
    console = Console(stderr=True)
    if not console.is_terminal:
        click.echo(f"{title} …", err=True)
    columns = (TextColumn(title), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.description}"), console=console, disable=not console.is_terminal) as bar:
        yield bar


@contextmanager
def _told_to_stop() -> Iterator[None]:
    """SIGTERM while building ends it in order, as Ctrl-C does."""

    def stop(number: int, _: object) -> None:
        sys.exit(128 + number)

    previous = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _say(told: dict[str, Any]) -> None:
    """Show it when everything answers; with ``--json`` only the answer goes to standard output."""
    from kehu.doors.demo import welcome

    context = click.get_current_context()
    console = Console(stderr=bool(context.params.get("as_json")), markup=False, highlight=False, soft_wrap=True)
    welcome.say(told, console, language=language(), ending=welcome.words(language())["stop"])


def _own_name() -> str:
    """How this command is called from where it was started."""
    own = Path(sys.argv[0])
    try:
        return str(own.absolute().relative_to(Path.cwd())) if own.name == "kehu" and os.sep in sys.argv[0] else "kehu"
    except ValueError:
        return str(own.absolute())
