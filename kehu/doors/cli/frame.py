"""What every command shares: the database for its own time, an actor, an answer in words or JSON."""

from __future__ import annotations

import functools
import io
import json
import logging
import logging.config
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Final, NoReturn, TextIO
from uuid import UUID

import click

from kehu.doors.cli.render import print_answer, print_error
from kehu.doors.problems import Problem, problem_of
from kehu.host.database import Database
from kehu.host.home import Home
from kehu.host.keyring import KeysAreGone, RootDoesNotOpen
from kehu.host.logs import configuration
from kehu.host.postgres import PostgresError

DONE, FAILED, USAGE, REFUSED, BROKEN = 0, 1, 2, 3, 4
NOT_READ: Final = 128 + 13
"""What a shell says of a command whose reader left (``| head``): ended by SIGPIPE."""
_log = logging.getLogger("kehu.cli")


class Failure(Exception):
    """An answer that is no success: exit code, code, message and what to do about it."""

    def __init__(self, exit_code: int, code: str, message: str, remedy: str = "", policy: str = "") -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.body: dict[str, str | None] = {"code": code, "message": message, "remedy": remedy, **_policy_words(policy)}

    @classmethod
    def of(cls, problem: Problem) -> Failure:
        """The failure that a problem means, in the language of the terminal."""
        words = problem.words(language())
        made = cls(problem.exit_code, problem.code, str(words["message"]))
        made.body = words
        return made


@dataclass(frozen=True, slots=True)
class Pages:
    """An answer that is one long list, printed page by page as it is read; ``name``: its key in the object."""

    name: str
    pages: Iterator[Sequence[Mapping[str, Any]]]


class NobodyReads(SystemExit):
    """Who read this command's output has left: there is nobody to tell anything, and nothing went wrong."""

    def __init__(self) -> None:
        super().__init__(NOT_READ)


class Contract(click.Group):
    """The group of all commands: wrong usage is an answer like any other, with ``--json`` an object on stdout."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line and end the process with its exit code."""
        words, out = list(sys.argv[1:] if args is None else args), sys.stdout
        as_json = "--json" in words
        if not standalone_mode:
            return super().main(words, prog_name, complete_var, standalone_mode=False, **extra)
        try:
            code: Any = super().main(words, prog_name, complete_var, standalone_mode=False, **extra)
        except click.exceptions.NoArgsIsHelpError as wrong:
            if not as_json:
                wrong.show()
                sys.exit(USAGE)
            wrong_usage(wrong, as_json=True)
        except click.ClickException as wrong:
            wrong_usage(wrong, as_json=as_json)
        except click.Abort:
            end({"error": Failure(FAILED, "stopped", "Stopped.").body}, FAILED, as_json=as_json)
        except SystemExit:
            if sys.stdout is not out:  # click met a closed pipe, of a --help say, and put another in its place
                _silence(out)
                raise NobodyReads from None
            raise
        sys.exit(code if isinstance(code, int) else DONE)


def wrong_usage(wrong: click.ClickException, *, as_json: bool) -> NoReturn:
    """End with exit code 2 and what is wrong with the command line, without the values that stood there."""
    context = getattr(wrong, "ctx", None)
    if isinstance(wrong, click.MissingParameter) or not isinstance(wrong, click.BadParameter):
        message = wrong.format_message().partition(" (")[0]
    else:
        hint = wrong.param.get_error_hint(context) if wrong.param and context else "a parameter"
        kind = wrong.param.type if wrong.param else None
        among = f": one of {', '.join(map(str, kind.choices))}" if isinstance(kind, click.Choice) else ""
        among = f": {kind.form}" if isinstance(kind, Moment) else among
        if isinstance(kind, click.Path) and kind.exists:
            among = f": a {'file' if kind.file_okay else 'folder'} that is there and that you may read"
        message = f"{hint} is not of the form asked for{among}."
    remedy = f"Look at: {context.command_path} --help" if context else "Look at: kehu --help"
    end({"error": Failure(USAGE, "usage", message, remedy).body}, USAGE, as_json=as_json)


def language() -> str:
    """The terminal's language as far as Kehu speaks it, else English."""
    words = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    place = words.partition(".")[0].lower()
    if place.startswith(("zh_tw", "zh_hk", "zh_mo")):
        return "zh-hant"
    return "zh-hans" if place.startswith("zh") else "en"


def _policy_words(policy: str) -> dict[str, str | None]:
    if not policy:
        return {"policy": None, "article": None, "reason": None}
    from kehu.guard.installation import installation

    text = installation().rules.policies.text(policy, language())
    return {"policy": policy, "article": text.article, "reason": text.reason}


def command(*, needs_home: bool = True, starts: bool = True) -> Callable[[Callable[..., Any]], Callable[..., None]]:
    """Make a function that returns a JSON object a command; ``--json`` prints the object, else it is put in words."""

    def wrap(work: Callable[..., Any]) -> Callable[..., None]:
        @click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
        @functools.wraps(work)
        def run(*, as_json: bool, **options: Any) -> None:
            os.umask(0o077)  # whatever a command writes is its owner's alone
            database = Database(Home.current())
            try:
                if needs_home and not Home.current().exists():
                    raise Failure(FAILED, "no-home", "There is no installation here.", "Run: kehu init")
                os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kehu.host.settings")
                if starts:
                    database.start()
                if needs_home:
                    set_django_up()
                if needs_home and starts:
                    _erase_whom_a_copy_brought_back()
                found = _worked(work, options) if needs_home else work(**options)
                if isinstance(found, Pages):  # read while the database is here
                    _end_by_page(found, as_json=as_json)
                answer, code = found if isinstance(found, tuple) else (found, DONE)
            except click.ClickException as wrong:
                leave(database)
                wrong_usage(wrong, as_json=as_json)
            except click.Abort:  # at a prompt; it is told as a Ctrl-C elsewhere
                raise
            except Exception as failed:  # noqa: BLE001  (whatever it is, its text may quote a value)
                met = _failure(failed)
                answer, code = {"error": met.body}, met.exit_code
            finally:
                leave(database)
            end(answer, code, as_json=as_json)

        return run

    return wrap


def _worked(work: Callable[..., Any], options: Mapping[str, Any]) -> Any:
    from kehu.guard.gate.quotas import no_more_than_asked

    with no_more_than_asked():  # this process ends with its answer
        return work(**options)


def _failure(failed: Exception) -> Failure:
    if isinstance(failed, Failure):
        return failed
    if isinstance(failed, PostgresError):
        return Failure(FAILED, "database", str(failed), "Run: kehu doctor")
    if isinstance(failed, KeysAreGone):
        return Failure(FAILED, "keys", str(failed))
    if isinstance(failed, RootDoesNotOpen):
        place = Home.current() / "keys"
        return Failure(
            FAILED, "keys", f"{place}: root does not open ring.json.", "Put both back as they were together."
        )
    problem = problem_of(failed)
    if problem.code == "fault":
        if not logging.getLogger().handlers:  # before Django is set up: Python's own would print the exception's text
            logging.config.dictConfig(configuration())
        _log.error("command.fault", exc_info=failed)
    return Failure.of(problem)


def set_django_up() -> None:
    """Load Django's applications once."""
    import django
    from django.apps import apps

    if not apps.ready:
        django.setup()


def _erase_whom_a_copy_brought_back() -> None:
    """Nothing is served of a database that was put back to an older one before whoever was erased since is erased again."""
    from django.db import OperationalError

    from kehu.guard.gate.read import raw_connection
    from kehu.guard.tombstones import replay_after_restore

    try:
        connection = raw_connection()
    except OperationalError:  # then nobody is served either, and the command tells of it
        return
    replay_after_restore(connection, Home.current())


def leave(database: Database) -> None:
    """Close this process's connection; the last user stops an embedded server."""
    from django.apps import apps

    if apps.ready:
        from django.db import connections

        connections.close_all()
    database.release()


def end(answer: Any, code: int, *, as_json: bool) -> NoReturn:
    """Print an answer (one JSON object, or lines for people) and end; a failure keeps its code though nobody reads it."""
    try:
        if as_json:
            put(as_object(answer))
        elif isinstance(answer, dict) and "error" in answer:
            with _while_read(sys.stderr):
                print_error(answer["error"])
        else:
            _say(answer)
    except NobodyReads:
        if code == DONE:
            raise
    sys.exit(code)


def _end_by_page(found: Pages, *, as_json: bool) -> NoReturn:
    """The same of a list however long, of which one page is held; what is refused at the first one has printed nothing.

    What fails further on ends the list, and stands behind it: with ``--json`` in the same object.
    """
    pages, code, wrong = chain([next(found.pages, [])], found.pages), DONE, None
    before = f'{{"{found.name}": ['
    try:
        for page in pages:
            if as_json:
                put(before + ", ".join(map(as_object, page)), line=False)
                before = ", "
            else:
                _say({found.name: page})
    except NobodyReads:
        raise
    except Exception as failed:  # noqa: BLE001  (whatever it is, its text may quote a value)
        met = _failure(failed)
        code, wrong = met.exit_code, met.body
    if as_json:
        put("]}" if wrong is None else f'], "error": {as_object(wrong)}}}')
    elif wrong is not None:
        end({"error": wrong}, code, as_json=False)
    sys.exit(code)


def _say(answer: Any) -> None:
    with _while_read(sys.stdout):
        _escaping(sys.stdout)
        print_answer(answer)


def as_object(answer: Any) -> str:
    """An answer as one JSON object, with escapes alone where the terminal's encoding lacks a character of it."""
    text = json.dumps(answer, ensure_ascii=False, default=str)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(answer, default=str)
    return text


def put(text: str, *, line: bool = True) -> None:
    """Write one line, or part of one, to standard output, at once.

    Raises:
        NobodyReads: the reader has left.
    """
    with _while_read(sys.stdout):
        click.echo(text, nl=line)


def _escaping(stream: TextIO) -> None:
    """What the terminal's encoding lacks is written as an escape: the work is done by now, and an error would quote it."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


@contextmanager
def _while_read(stream: TextIO) -> Iterator[None]:
    try:
        yield
        stream.flush()
    except BrokenPipeError:
        _silence(stream)
        raise NobodyReads from None


def _silence(stream: TextIO) -> None:
    """What is still buffered goes nowhere; else the interpreter itself complains when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def actor() -> Any:
    """Whom this command acts for: the token's human, else the home's owner; an empty token is nobody's.

    Raises:
        TokenRefused: the token is unknown, expired or revoked.
        Refused: it is for a recipient outside, whose programs ask the API.
    """
    from kehu.guard.gate.scope import require_reading
    from kehu.guard.staff.actions import actor_of_token, owner_actor

    token = os.environ.get("KEHU_TOKEN")
    if token is None:
        return owner_actor()
    found = actor_of_token(token)
    require_reading(found, act=None)
    return found


def actor_as(purpose: str, act: str, subject: UUID | None = None) -> Any:
    """The same for a command that names its purpose; ``act`` on ``subject`` is what is recorded if it is not the token's.

    Raises:
        Refused: the token is for another purpose.
        TokenRefused: the token is unknown, expired or revoked.
    """
    from kehu.guard.gate.scope import require_scope

    found = actor()
    require_scope(found, purpose, act=act, subject=subject)
    return found


def refuse(policy: str) -> NoReturn:
    """End with a refusal in a policy's words.

    Raises:
        Refused: always.
    """
    from kehu.guard.gate.acts import Refused

    raise Refused(policy)


def told(word: str) -> str:
    """A value as written, or for ``-`` the next line of standard input: arguments show in the process list.

    Raises:
        ValueError: standard input is no UTF-8, or at its end.
    """
    if word != "-":
        return word
    try:
        line = sys.stdin.buffer.readline().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("standard input: the value must be UTF-8") from None
    if not line:
        raise ValueError("standard input: there is no (further) line for -")
    return line.rstrip("\r\n")


class Moment(click.ParamType[datetime]):
    """A moment as ISO 8601 writes it, as `at` in every answer does; without an offset it is UTC."""

    name = "moment"
    form = "a moment as 2026-11-25 or 2026-11-25T20:30:00+00:00"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read one."""
        if isinstance(value, datetime):
            return value
        try:
            found = datetime.fromisoformat(value)
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        except (ValueError, OverflowError):  # the latter: in UTC it would be before the first year
            self.fail(self.form, param, ctx)


MOMENT = Moment()


def subject_id(text: str) -> UUID:
    """A subject's id as given.

    Raises:
        ValueError: not an id.
    """
    try:
        return UUID(text)
    except ValueError:
        raise ValueError("SUBJECT: an id as `kehu find` prints it") from None
