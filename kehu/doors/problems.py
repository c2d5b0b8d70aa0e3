"""What goes wrong at a door, as code and words: one table for the command line and the API.

An exception's own text never leaves: it may quote a value. What a reader sees comes from ``problems.toml`` and, where a
policy refused, from the policy.
"""

from __future__ import annotations

import difflib
import dis
import functools
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg

_FILE: Final = Path(__file__).with_name("problems.toml")
_PACKAGE: Final = str(Path(__file__).resolve().parents[1])
_RAISE: Final = dis.opmap["RAISE_VARARGS"]
_NO_SUCH_THING: Final = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedFunction,
)
_UNKEEPABLE: Final = (
    psycopg.errors.StringDataRightTruncation,
    psycopg.errors.CharacterNotInRepertoire,
    psycopg.errors.UntranslatableCharacter,
    psycopg.errors.ProgramLimitExceeded,
    psycopg.errors.NumericValueOutOfRange,
    psycopg.errors.DatetimeFieldOverflow,
)


@dataclass(frozen=True, slots=True)
class Problem:
    """An answer that is no success. ``names`` fill the words; ``policy`` refused, where one did; ``said`` is our own
    more exact sentence, in English, where the code raised one."""

    code: str
    names: Mapping[str, str] = field(default_factory=dict)
    policy: str | None = None
    said: str | None = None

    @property
    def exit_code(self) -> int:
        """The process's answer."""
        return int(table()[self.code]["exit"])

    @property
    def status(self) -> int:
        """The HTTP status."""
        return int(table()[self.code]["status"])

    def words(self, language: str = "en") -> dict[str, str | None]:
        """``code``, ``message``, ``remedy`` and, where a policy refused, ``policy``, ``article`` and ``reason``."""
        row = table()[self.code]
        message, remedy = str(row[language]).format_map(self.names), str(row["remedy"][language])
        if self.said and language == "en":
            message = self.said
        found: dict[str, str | None] = {"policy": self.policy, "article": None, "reason": None}
        if self.policy is not None:
            from kehu.guard.installation import installation

            text = installation().rules.policies.text(self.policy, language)
            found |= {"article": text.article, "reason": text.reason}
            remedy = remedy or text.remedy
        return {"code": self.code, "message": message, "remedy": remedy, **found}


def problem_of(error: Exception) -> Problem:
    """What an exception that reached a door means to whoever asked; ``fault`` where nobody foresaw it."""
    if isinstance(error, _NO_SUCH_THING) or isinstance(error.__cause__, _NO_SUCH_THING):
        return Problem("outdated")
    if _cannot_be_kept(error) or _cannot_be_kept(error.__cause__):
        return Problem("unkeepable")
    if isinstance(error, psycopg.Error):
        return Problem("database")
    names = [f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__]
    for name in names:
        if name in _SPEAKING:
            return _SPEAKING[name](error)
        if name in _codes():
            return Problem(_codes()[name])
    return _said(error)


def _cannot_be_kept(error: BaseException | None) -> bool:
    """Whether the database could not keep what was given; whoever says the same again is answered the same."""
    # the first: bytes of a command line in another encoding than the terminal's, which stand for no character;
    # the last: psycopg's own, before anything is sent: a character that no text of PostgreSQL holds, named in its own fixed words
    if isinstance(error, UnicodeEncodeError):
        return error.encoding == "utf-8"
    return isinstance(error, _UNKEEPABLE) or (
        type(error) is psycopg.DataError and error.sqlstate is None and "NUL" in str(error)
    )


# Exceptions whose problem says more than their name; what they bring is made of the house's own words, never of a value.
_SPEAKING: Final[Mapping[str, Callable[[Any], Problem]]] = {
    "kehu.serve.office.handing.NotHandedOver": lambda error: Problem("not-handed-over", {"things": str(error)}),
    "kehu.guard.gate.acts.ActRefused": lambda error: Problem(
        "role", {"act": error.act, "role": error.role}, error.policy
    ),
    "kehu.host.home.HomeOutOfReach": lambda error: Problem("home", {"place": str(error)}),
    "kehu.guard.gate.quotas.QuotaSpent": lambda error: Problem("quota", policy=error.policy),
    "kehu.guard.gate.acts.Refused": lambda error: Problem("refused", policy=error.policy),
    "kehu.govern.dictionary.UnknownField": lambda error: Problem("unknown-field", {"field": _known_word(error)}),
    "kehu.collect.imports.plan.TermsRefused": lambda error: (
        Problem("mapping") if error.option == "columns" else _said(error)
    ),
    "kehu.collect.readers.rows.UnreadableSource": lambda error: Problem("unreadable", said=str(error)),
    "kehu.serve.rights.requests.NoLawKnows": lambda error: Problem("clock-law", {"laws": ", ".join(error.laws)}),
    "kehu.serve.rights.requests.ClockRefused": lambda error: Problem(f"clock-{error.why}"),
    "kehu.guard.watch.cases.StepRefused": lambda error: Problem(f"case-{error.why}"),
}


def _said(error: Exception) -> Problem:
    if isinstance(error, ValueError) and raised_by_us(error):
        return Problem("usage", said=str(error))
    return Problem("fault")


def raised_by_us(error: Exception) -> bool:
    """Whether a ``raise`` of this package made the error, so that its text is our own.

    What C code raises on a value (``int("…")``, a decoder) ends in one of our frames, too, and quotes the value.
    """
    trace = error.__traceback__
    if trace is None:
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    return code.co_filename.startswith(_PACKAGE) and code.co_code[trace.tb_lasti] == _RAISE


def _known_word(error: Exception) -> str:
    """The nearest name of the dictionary: what was written may be a value that took the name's place."""
    from kehu.govern.dictionary import Dictionary

    written = str(error.args[0]).partition(" ")[0] if error.args else ""
    near = difflib.get_close_matches(written, Dictionary.load().fields, 1)
    return near[0] if written in near else f"{near[0]}?" if near else "—"


@functools.cache
def _codes() -> Mapping[str, str]:
    """Names of exceptions by the code they mean."""
    return {name: code for code, row in table().items() for name in row.get("raised", ())}


@functools.cache
def table() -> dict[str, Any]:
    """Every code with its exit code, its status and its words."""
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))
