"""The demonstration company: built through the same actions that a real one uses, step by step, each done once.

What is done stands in the home's record, so that a start after a crash goes on where it was. The mark ``demo`` there
says what this installation is; one that holds anything else is never touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from django.db import connection

from kehu.collect.imports import actions as imports
from kehu.collect.imports.queries import ImportStatus
from kehu.collect.imports.recipe import ImportTerms
from kehu.collect.models import Import
from kehu.doors.demo import book, datasets
from kehu.doors.demo.cast import put_on_stage
from kehu.doors.demo.derived import derive
from kehu.doors.demo.forms import keep_forms
from kehu.doors.demo.layouts import BookFile, layouts
from kehu.doors.demo.life import live
from kehu.doors.demo.members import add_members, member
from kehu.doors.demo.office import keep_office
from kehu.doors.demo.suppliers import FAIR, keep_sources
from kehu.doors.demo.verified import keep_verified
from kehu.doors.demo.watched import be_watched, lay_honey
from kehu.doors.demo.welcome import Built, customer_mail, standing
from kehu.govern.channels import add_channel
from kehu.govern.models import Channel, Controller
from kehu.guard.gate.actor import Actor
from kehu.guard.staff.actions import owner_actor
from kehu.host.home import Home
from kehu.refine.resolve.runs import resolve

_FOLDER: Final = "demo"
# share of the whole work, as measured: what a bar shows is time
_WEIGHTS: Final = {"data": 4.0, "import": 60.0, "link": 30.0, "cast": 3.0, "life": 3.0}


class HomeInUse(RuntimeError):
    """This home holds an installation that is no demonstration."""


class Report(Protocol):
    """Told how far the building is: what is done now, the share of the whole (0 to 1)."""

    def __call__(self, step: str, share: float) -> None:
        """Show it."""


def claim(home: Home) -> None:
    """Mark a home as the demonstration's; call before anything is put in.

    Raises:
        HomeInUse: there is something else in it.
    """
    if home.facts().get("demo"):
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "select exists (select 1 from record) or exists (select 1 from guard_staff where role <> 'owner')"
        )
        if cursor.fetchone()[0]:
            raise HomeInUse(str(home.path))
    home.record(demo={"steps": []})


def build(home: Home, *, report: Report, public: bool = True, day: Any = None) -> Built:
    """Build what is not built yet. Without a network the made-up book alone; ``public`` False leaves the rest out.

    Raises:
        HomeInUse: the home is no demonstration's.
    """
    claim(home)
    if (done := standing(home, public=public)) is not None:
        report("life", 1.0)
        return done
    folder = home / _FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    add_members()
    missing = ""

    def tell(reason: str) -> None:
        nonlocal missing
        missing = reason

    files = book.write(folder / "book", today=day)
    if public:
        report("data", 0.0)
        found = datasets.fetch(folder / "public", report=tell)
        if found:
            # first: a list begins with the newest, and of these people little is known
            files = [*datasets.write(found, folder / "public", seed=book.SEED), *files]
    _controllers_and_channels(files)
    for file in files:
        if file.source_proof:
            _once(home, "sources", partial(keep_sources, member, file.source_proof.read_bytes()))
    with_public = any(file.controller == datasets.CONTROLLER for file in files)
    _bring_in(home, files, report)
    # who bought the public data anew is linked anew, and nobody else
    _once(home, "link:public" if with_public else "link", lambda: _link(report))
    _once(home, "cast", lambda: put_on_stage(member("privacy")))
    report("cast", _reached("life"))
    _once(home, "life", lambda: live(member))
    _once(home, "forms", lambda: keep_forms(member))
    _once(home, "office", lambda: keep_office(member))  # after them: it names who answers for their channels
    _once(home, "watched", lambda: be_watched(member))
    _once(home, "verified", lambda: keep_verified(member))
    _once(home, "traits", lambda: derive(member))
    _note(home, built="public" if with_public else "book", mail=customer_mail(folder / "book"))
    report("life", 1.0)
    return Built(with_public, missing)


def _controllers_and_channels(files: Sequence[BookFile]) -> None:
    owner = owner_actor().staff
    Controller.objects.get_or_create(
        name=datasets.CONTROLLER, defaults={"country": datasets.CONTROLLER_COUNTRY, "owner": owner}
    )
    wanted = {layout.channel: layout.channel_kind for layout in layouts()}
    wanted |= {datasets.STORE: "store", datasets.SHOP: "shop"} | {file.channel: file.channel_kind for file in files}
    here = set(Channel.objects.values_list("name", flat=True))
    for name, kind in wanted.items():
        if name not in here:
            add_channel(name, kind, owner=owner)  # its key is nobody's: the demonstration has no programs that write


def _bring_in(home: Home, files: Sequence[BookFile], report: Report) -> None:
    """Import each file as a member of staff would; one that was imported whole is not read again."""
    actor = member("manager")
    total = sum(file.rows for file in files) or 1
    done = 0
    for file in files:
        begun = done

        def on(status: ImportStatus, begun: int = begun) -> None:
            report("import", _reached("import", (begun + status.rows) / total))

        _once(home, f"import:{file.path.name}", partial(_import, file, actor, on))
        if file.kind == "customers" and file.controller != datasets.CONTROLLER:
            _once(home, "honey", lay_honey)  # among the first: the newest of a list would tell itself
        done += file.rows
        report("import", _reached("import", done / total))


def _import(file: BookFile, actor: Actor, on: Callable[[ImportStatus], None]) -> None:
    planned = imports.plan(terms_of(file), actor=actor)
    if Import.objects.filter(fingerprint=planned.fingerprint, state="done").exists():
        return
    imports.run(imports.start(planned, actor=actor), actor=actor, progress=on)


def terms_of(file: BookFile) -> ImportTerms:
    """What ``kehu import`` would be asked for this file."""
    return ImportTerms(
        files=(Path(file.path),),
        channel=file.channel,
        basis=file.basis,
        controller=file.controller,
        residence=file.residence,
        source_proof=file.source_proof.read_bytes() if file.source_proof else None,
        source=FAIR if file.source_proof else None,
        consents=tuple(file.consents.items()),
        consent_time=file.consent_time,
        kind=file.kind,
        maps=tuple(f"{name}={column}" for name, column in file.fields.items()),
    )


def _link(report: Report) -> None:
    resolve(
        actor=member("privacy"),
        everything=True,
        progress=lambda _step, share: report("link", _reached("link", share)),
    )


def _once(home: Home, step: str, work: Callable[[], object]) -> None:
    """Do a step that was not done yet; a crash before it is noted does it again, which each step can bear."""
    steps = home.facts()["demo"]["steps"]
    if step not in steps:
        work()
        _note(home, steps=[*steps, step])


def _note(home: Home, **facts: object) -> None:
    home.record(demo=home.facts()["demo"] | facts)


def _reached(step: str, share: float = 0.0) -> float:
    """The share of the whole that is done when a step is done as far as ``share``."""
    before = sum(weight for name, weight in _before(step))
    return (before + _WEIGHTS[step] * share) / sum(_WEIGHTS.values())


def _before(step: str) -> Iterator[tuple[str, float]]:
    for name, weight in _WEIGHTS.items():
        if name == step:
            return
        yield name, weight
