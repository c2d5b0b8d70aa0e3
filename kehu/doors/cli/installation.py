"""Commands on the installation itself: init, status, database, keys, controller, channel, staff, token."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from kehu import __version__
from kehu.doors.cli.frame import FAILED, REFUSED, Failure, actor, command, set_django_up
from kehu.host.database import Database
from kehu.host.dumps import NoDump, dump
from kehu.host.dumps import restore as bring_back
from kehu.host.home import Home
from kehu.host.keyring import locked, make_home


@click.command(epilog="Example: kehu init")
@command(needs_home=False, starts=False)
def init() -> Any:
    """Make the home, database, keys and shipped rules; finishes what a crash left half done."""
    home = Home.current()
    return {"home": str(home.path), "created": install(home)}


def install(home: Home) -> bool:
    """Make or finish an installation and bring its schema up to date; returns whether the home was made now."""
    created = make_home(home)
    with locked(home / "run" / "install.lock"):  # of two who begin at once, the other finds the schema made
        database = Database(home)
        database.start()
        try:
            home.record(folders=database.folders(), version=__version__)
            set_django_up()
            from kehu.guard.setup import migrate

            migrate(database)
        finally:
            from django.db import connections

            connections.close_all()
            database.release()
    return created


@click.command(epilog="Example: kehu up --detach")
@click.option("--port", type=int)
@click.option("--detach", is_flag=True, help="Return once everything is ready.")
@command(needs_home=False, starts=False)
def up(port: int | None, detach: bool) -> Any:
    """Run database, web, jobs and sequencer until told to stop; on a running system the same answer."""
    from kehu.host import supervisor

    home = Home.current()
    try:
        if supervisor.running(home) is None:
            install(home)
        running = supervisor.up(
            home, port, detach=detach, ready=lambda held: click.echo(f"ready: {held.url}", err=True)
        )
    except supervisor.SupervisorError as failed:
        raise Failure(FAILED, "supervisor", str(failed)) from None
    return {"url": running.url, "pid": running.pid}


@click.command(epilog="Example: kehu down")
@command(needs_home=False, starts=False)
def down() -> Any:
    """Stop cleanly; on a stopped system nothing happens."""
    from kehu.host import supervisor

    home = Home.current()
    home.exists()  # of one that is out of reach nobody can say that nothing runs
    try:
        return {"stopped": supervisor.down(home)}
    except supervisor.SupervisorError as failed:
        raise Failure(FAILED, "supervisor", str(failed)) from None


@click.command(epilog='Example: psql "$(kehu database --json | jq -r .app_url)"')
@command(starts=False)
def database() -> Any:
    """Addresses of the database, for the installation's owner only."""
    if "KEHU_TOKEN" in os.environ:
        raise Failure(REFUSED, "owner-only", "Only the home's owner may ask this.", "Leave KEHU_TOKEN out.")
    held = Database(Home.current())
    return {"app_url": held.url("kehu_app"), "owner_url": held.url("kehu_owner")}


@click.command(epilog="Example: kehu backup /mnt/other/kehu.dump")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@command()
def backup(file: Path) -> Any:
    """Write the database to one file while everything runs; the keys are not in it, so keep those elsewhere."""
    owner_only()
    with told():
        return {"file": str(file), "bytes": dump(Database(Home.current()), file)}


@click.command(epilog="Example: kehu restore /mnt/other/kehu.dump")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@command(needs_home=False, starts=False)
def restore(file: Path) -> Any:
    """Bring a copy back into a home with keys and no database; who stands in its file erasures is erased again first."""
    if "KEHU_TOKEN" in os.environ:
        raise Failure(REFUSED, "owner-only", "Only the home's owner may ask this.", "Leave KEHU_TOKEN out.")
    home = Home.current()
    with told():
        held = bring_back(home, file)
    try:
        install(home)
    finally:
        held.release()
    return {"home": str(home.path), "restored": str(file)}


@contextmanager
def told() -> Iterator[None]:
    """Say why a copy cannot be made or brought back."""
    try:
        yield
    except NoDump as refused:
        raise Failure(FAILED, "dump", f"Nothing was done: {refused}.", "Look at: docs/how-to/back-up.md") from None


@click.group()
def keys() -> None:
    """Keys of the vault."""


@keys.command(epilog="Example: kehu keys rotate")
@command()
def rotate() -> Any:
    """Begin a new epoch: all subject keys re-wrapped, the old epoch's key destroyed a minute later; nothing stops."""
    from kehu.guard.tasks import rotate as begin_epoch

    owner_only()
    done = begin_epoch()
    return {"epoch": done.epoch, "rewrapped": done.rewrapped, "seconds": round(done.seconds, 3)}


@click.group()
def controller() -> None:
    """Legal entities that answer for the data."""


@controller.command("add", epilog="Example: kehu controller add shop-b --country DE")
@click.argument("name")
@click.option("--country", required=True)
@click.option("--platform", is_flag=True, help="It runs a platform for other sellers: a law keeps its trade records.")
@command()
def controller_add(name: str, country: str, platform: bool) -> Any:
    """Add a legal entity."""
    from kehu.govern.models import Controller

    owner_only()
    if not (len(country) == 2 and country.isascii() and country.isalpha() and country.isupper()):
        raise ValueError("country: two capital letters (ISO 3166)")
    if Controller.objects.filter(name=name).exists():
        raise Failure(FAILED, "taken", "A controller of this name is here already.", "Name another.")
    made = Controller.objects.create(name=name, country=country, platform=platform, owner=actor().staff)
    return {"id": made.id}


@controller.command("platform", epilog="Example: kehu controller platform main")
@click.argument("name")
@click.option("--off", is_flag=True, help="It is none.")
@command()
def controller_platform(name: str, off: bool) -> Any:
    """Say whether a legal entity runs a platform for other sellers, whose trade records a law keeps."""
    from kehu.govern.models import Controller

    owner_only()
    if not Controller.objects.filter(name=name).update(platform=not off):
        raise Failure(FAILED, "unknown-controller", "No such controller.", "Add it with: kehu controller add")
    return {"name": name, "platform": not off}


@click.group()
def staff() -> None:
    """Members of staff."""


@staff.command("add", epilog="Example: kehu staff add --email li@shop.example --role service")
@click.option("--email", required=True)
@click.option("--role", required=True)
@click.option("--department")
@click.option("--no-attest", is_flag=True, help="Do not vouch for agreement and training.")
@click.option("--totp", is_flag=True, help="Enrol a second factor; its secret is shown once.")
@command()
def staff_add(email: str, role: str, department: str | None, no_attest: bool, totp: bool) -> Any:
    """Make an account; the password is shown once."""
    from django.db import transaction

    from kehu.guard.ledger.record import record_act
    from kehu.guard.staff.actions import add_staff
    from kehu.guard.staff.second_factor import enrol

    owner_only()
    with transaction.atomic():
        made, sign_in = add_staff(email=email, role=role, department=department, attest=not no_attest)
        record_act("staff" if no_attest else "attest", None, actor=actor())
        secret = {"totp_secret": enrol(made)} if totp else {}
    address = f"http://localhost:{os.environ.get('KEHU_PORT', '8000')}/sign-in"
    return {
        "id": made.id,
        "email": made.email,
        "sign_in": {"url": address, "email": sign_in.email, "password": sign_in.password},
    } | secret


@staff.command(
    "duty", epilog="Example: kehu staff duty li@shop.example --hours 09:00-18:00 --zone Asia/Shanghai --days 1-5"
)
@click.argument("email")
@click.option("--place", default="", help="Country worked from (DE), where it is another than where the data is kept.")
@click.option("--hours", default="", help="As 09:00-18:00; over midnight as 22:00-06:00. Without it: any hour.")
@click.option("--zone", default="", help="Of the hours, as Asia/Shanghai.")
@click.option("--days", default="", help="As 1-5 or 1,3,6; 1 is Monday. Without it: every day.")
@command()
def staff_duty(email: str, place: str, hours: str, zone: str, days: str) -> Any:
    """Say where and when somebody works; what is not said is lifted. Acts on their next read."""
    from django.db import transaction

    from kehu.guard.ledger.record import record_act
    from kehu.guard.staff.duty import Duty, set_duty

    owner_only()
    duty = Duty.read(place.upper(), hours, zone, days)
    with transaction.atomic():
        set_duty(email, duty)
        record_act("staff", None, actor=actor())
    return {"email": email.lower(), "place": duty.place, "hours": hours, "zone": duty.zone, "days": duty.days}


@click.group()
def token() -> None:
    """Short-lived tokens for one purpose."""


@token.command(
    "issue",
    epilog="Example: kehu token issue --staff li@shop.example --purpose service",
)
@click.option("--staff", "email", required=True)
@click.option("--purpose", required=True)
@click.option("--minutes", default=60, show_default=True)
@click.option("--code", help="A current second-factor code; without it level 4 stays masked.")
@click.option("--recipient", help="Who outside the house gets the answers, by name; with --country.")
@click.option(
    "--recipient-kind", "kind", type=click.Choice(["processor", "controller", "sale"]), help="By default processor."
)
@click.option("--country", metavar="CC", help="Where the recipient is: two capital letters.")
@command()
def token_issue(
    email: str,
    purpose: str,
    minutes: int,
    code: str | None,
    recipient: str | None,
    kind: str | None,
    country: str | None,
) -> Any:
    """Issue a token for one member of staff and one purpose.

    With --recipient and --country it is for a program outside the house: it asks the API alone, every answer names both,
    and above 500 customers a day (KEHU_EXPORT_ALONE) a second person lets it go on. Whoever has a second factor gives --code.
    """
    from kehu.guard.staff.second_factor import CodeRefused, NotEnrolled

    owner_only()
    if bool(recipient) != bool(country) or (kind and not recipient):
        raise ValueError("--recipient and --country: both or neither")
    try:
        if recipient and country:
            return _issue_outside(email, purpose, minutes, code, recipient, kind or "processor", country)
        return _issue(email, purpose, minutes, code)
    except NotEnrolled:
        raise Failure(
            FAILED, "not-enrolled", "Nobody of that email has enrolled a second factor.", "Leave --code out."
        ) from None
    except CodeRefused:
        raise Failure(REFUSED, "code", "The code is wrong or was used before.", "Wait for the next one.") from None


def _issue(email: str, purpose: str, minutes: int, code: str | None) -> dict[str, Any]:
    from django.db import transaction

    from kehu.govern.slugs import PURPOSES
    from kehu.guard.ledger.record import record_act
    from kehu.guard.staff.actions import issue_token

    with transaction.atomic():
        text, until = issue_token(email=email, purpose=purpose, minutes=minutes, code=code)
        record_act("token", None, actor=actor(), purpose=PURPOSES[purpose])
    return {"token": text, "expires_at": until.isoformat()}


def _issue_outside(
    email: str, purpose: str, minutes: int, code: str | None, recipient: str, kind: str, country: str
) -> dict[str, Any]:
    from kehu.serve.leaving.tokens import issue

    text, held = issue(
        issued_by=actor(), email=email, purpose=purpose, minutes=minutes, code=code, recipient=recipient, recipient_kind=kind,
        country=country.upper(),
    )  # fmt: skip
    return {
        "token": text, "expires_at": held.expires_at.isoformat(), "id": str(held.id), "recipient": held.recipient,
        "as": held.recipient_kind, "country": held.country,
    }  # fmt: skip


@click.command(epilog="Example: kehu outbox --json")
@command(starts=False)
def outbox() -> Any:
    """Mail of the last hour that stayed in the running system's memory, where no SMTP server is set."""
    from kehu.host.mail import OutboxClosed, read_outbox

    owner_only()
    try:
        return {"messages": read_outbox()}
    except OutboxClosed as closed:
        raise Failure(FAILED, "system-down", "The system is down, so nothing is kept.", "Run: kehu up") from closed


def owner_only() -> None:
    """Refuse whoever comes with a token.

    Raises:
        Failure: a token is set.
    """
    if "KEHU_TOKEN" in os.environ:
        raise Failure(REFUSED, "owner-only", "Only the home's owner may do this.", "Leave KEHU_TOKEN out.")
