"""What every command shares: the database for its own time, an actor, an answer in words or JSON."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn
from uuid import UUID

import click

from kehu.host.database import Database
from kehu.host.home import Home
from kehu.host.postgres import PostgresError

DONE, FAILED, USAGE, REFUSED, BROKEN = 0, 1, 2, 3, 4


class Failure(Exception):
    """An answer that is no success: exit code, code, message and what to do about it."""

    def __init__(self, exit_code: int, code: str, message: str, remedy: str = "", policy: str = "") -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.body: dict[str, str | None] = {"code": code, "message": message, "remedy": remedy, **_policy_words(policy)}


def _policy_words(policy: str) -> dict[str, str | None]:
    if not policy:
        return {"policy": None, "article": None, "reason": None}
    from kehu.guard.installation import installation

    text = installation().rules.policies.text(policy)
    return {"policy": policy, "article": text.article, "reason": text.reason}


def command(*, needs_home: bool = True, starts: bool = True) -> Callable[[Callable[..., Any]], Callable[..., None]]:
    """Make a function that returns a JSON object a command; ``--json`` prints the object, else it is put in words."""

    def wrap(work: Callable[..., Any]) -> Callable[..., None]:
        @click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
        @functools.wraps(work)
        def run(*, as_json: bool, **options: Any) -> None:
            database = Database(Home.current())
            try:
                if needs_home and not Home.current().exists():
                    raise Failure(FAILED, "no-home", "There is no installation here.", "Run: kehu init")
                os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kehu.host.settings")
                if starts:
                    database.start()
                if needs_home:
                    set_django_up()
                answer, code = _outcome(work, options) if needs_home else (work(**options), DONE)
            except Failure as failed:
                answer, code = {"error": failed.body}, failed.exit_code
            except PostgresError as failed:
                answer, code = {"error": Failure(FAILED, "database", str(failed)).body}, FAILED
            finally:
                leave(database)
            emit(answer, as_json=as_json)
            sys.exit(code)

        return run

    return wrap


def _outcome(work: Callable[..., Any], options: dict[str, Any]) -> tuple[Any, int]:
    from django.db.utils import DatabaseError

    from kehu.govern.consent import NothingToWithdraw, UnknownSubject
    from kehu.govern.dictionary import UnknownField
    from kehu.govern.states import NotInForce
    from kehu.guard.gate.read import LedgerUnavailable
    from kehu.guard.ledger.proof import NotInLedger
    from kehu.guard.staff.actions import TokenRefused, UnknownStaff

    try:
        found = work(**options)
    except UnknownSubject:
        raise Failure(FAILED, "unknown-subject", "No such customer.", "Look the id up with: kehu find") from None
    except UnknownField as wrong:
        raise Failure(
            USAGE, "unknown-field", f"No such field: {wrong.args[0]}", "Field names: docs/reference"
        ) from None
    except (NothingToWithdraw, NotInForce):
        raise Failure(FAILED, "not-in-force", "There is nothing in force to take back.") from None
    except TokenRefused:
        raise Failure(REFUSED, "token", "The token is unknown, expired or revoked.", "Ask for a new one.") from None
    except UnknownStaff:
        raise Failure(FAILED, "unknown-staff", "Nobody of that email works here.", "Run: kehu staff add") from None
    except NotInLedger:
        raise Failure(FAILED, "not-in-ledger", "No such row, or it is not about this customer.") from None
    except LedgerUnavailable:
        raise Failure(FAILED, "ledger", "The ledger cannot be written, so nothing was opened.", "kehu status") from None
    except ValueError as wrong:
        raise Failure(USAGE, "usage", str(wrong)) from None
    except DatabaseError as wrong:  # its text may quote a value
        raise Failure(FAILED, "database", f"The database refused ({type(wrong).__name__}).", "kehu status") from None
    return found if isinstance(found, tuple) else (found, DONE)


def set_django_up() -> None:
    """Load Django's applications once."""
    import django
    from django.apps import apps

    if not apps.ready:
        django.setup()


def leave(database: Database) -> None:
    """Close this process's connection; the last user stops an embedded server."""
    from django.apps import apps

    if apps.ready:
        from django.db import connections

        connections.close_all()
    database.release()


def emit(answer: Any, *, as_json: bool) -> None:
    """Print an answer: one JSON object, or lines for people."""
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False, default=str))
        return
    if isinstance(answer, dict) and "error" in answer:
        error = answer["error"]
        why = f"\n  {error['reason']} ({error['article']}, {error['policy']})" if error.get("policy") else ""
        remedy = f"\n  {error['remedy']}" if error.get("remedy") else ""
        click.echo(f"{error['message']}{why}{remedy}", err=True)
        return
    _lines(answer)


def _lines(answer: dict[str, Any]) -> None:
    for name, value in answer.items():
        if isinstance(value, dict):
            click.echo(f"{name}:")
            for inner, held in value.items():
                click.echo(f"  {inner:22} {_short(held)}")
        elif isinstance(value, list):
            click.echo(f"{name}: {len(value)}")
            for item in value:
                click.echo(
                    "  " + (" · ".join(_short(v) for v in item.values()) if isinstance(item, dict) else str(item))
                )
        else:
            click.echo(f"{name + ':':24} {_short(value)}")


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return "  ".join(str(part) for part in value.values() if part is not None)
    return "—" if value is None else str(value)


def actor(purpose: str | None = None) -> Any:
    """Whom this command acts for: the token's human, else the home's owner.

    Raises:
        Failure: the token is for another purpose.
    """
    from kehu.guard.staff.actions import actor_of_token, owner_actor

    token = os.environ.get("KEHU_TOKEN")
    if not token:
        return owner_actor()
    found = actor_of_token(token)
    if purpose is not None and found.purpose != purpose:
        refuse("house.scope")
    return found


def refuse(policy: str) -> NoReturn:
    """End with a refusal in a policy's words.

    Raises:
        Failure: always.
    """
    from kehu.guard.installation import installation

    text = installation().rules.policies.text(policy)
    raise Failure(REFUSED, "refused", text.reason, text.remedy, policy)


def subject_id(text: str) -> UUID:
    """A subject's id as given.

    Raises:
        ValueError: not an id.
    """
    try:
        return UUID(text)
    except ValueError:
        raise ValueError("SUBJECT: an id as `kehu find` prints it") from None
