"""What goes wrong at a door, as code and words: one table for the command line and the API.

An exception's own text never leaves: it may quote a value. What a reader sees comes from ``problems.toml`` and, where a
policy refused, from the policy.
"""

from __future__ import annotations

import difflib
import dis
import functools
import tomllib
from collections.abc import Mapping
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
    from django.apps import apps

    if isinstance(error, _NO_SUCH_THING) or isinstance(error.__cause__, _NO_SUCH_THING):
        return Problem("outdated")
    if isinstance(error, psycopg.Error):
        return Problem("database")
    if not apps.ready:  # what the rooms raise cannot be met yet
        return _said(error)
    from kehu.collect.imports.plan import TermsRefused
    from kehu.collect.readers import UnreadableSource
    from kehu.govern.dictionary import UnknownField
    from kehu.guard.gate.acts import ActRefused, Refused
    from kehu.guard.gate.quotas import QuotaSpent
    from kehu.guard.watch.cases import StepRefused
    from kehu.serve.office.posts import NotHandedOver

    if isinstance(error, NotHandedOver):
        return Problem("not-handed-over", {"things": str(error)})
    if isinstance(error, ActRefused):
        return Problem("role", {"act": error.act, "role": error.role}, error.policy)
    if isinstance(error, Refused):
        return Problem("quota" if isinstance(error, QuotaSpent) else "refused", policy=error.policy)
    if isinstance(error, UnknownField):
        return Problem("unknown-field", {"field": _known_word(error)})
    if isinstance(error, TermsRefused) and error.option == "columns":
        return Problem("mapping")
    if isinstance(error, UnreadableSource):
        return Problem("unreadable", said=str(error))
    if isinstance(error, StepRefused):
        return Problem(f"case-{error.why}")
    for kind in type(error).__mro__:
        code = _codes().get(kind)
        if code is not None:
            return Problem(code)
    return _said(error)


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
def _codes() -> Mapping[type[BaseException], str]:
    """Exceptions by the code they mean; a room's own errors are added here."""
    from django.db import DatabaseError, InterfaceError

    from kehu.collect.imports import actions as importing
    from kehu.collect.imports.queries import UnknownImport
    from kehu.collect.imports.staging import UploadTooLarge
    from kehu.collect.mapping import MappingRefused
    from kehu.collect.quarantine.actions import NothingRefused
    from kehu.govern.consent import NothingToWithdraw, UnknownStatement, UnknownSubject
    from kehu.govern.models import Notice
    from kehu.govern.register import NothingChanges, ProposalEnded, ProposalOpen, ProposalOutdated, UnknownChange
    from kehu.govern.sources import AlreadyStopped, UnknownSource
    from kehu.govern.states import NotInForce
    from kehu.govern.subscriptions import SuppressedHere
    from kehu.guard.access.grants import GrantOver, UnknownGrant
    from kehu.guard.access.leaving import ChangeOver
    from kehu.guard.access.leaving import UnknownChange as UnknownPostChange
    from kehu.guard.access.owners import UnknownThing
    from kehu.guard.access.roles import RoleDecided, UnknownRole
    from kehu.guard.access.training import UnknownCourse
    from kehu.guard.access.wordings import UnknownWording, WordingOver
    from kehu.guard.aside import AsideDoesNotOpen
    from kehu.guard.gate.read import LedgerUnavailable, RulesChanged
    from kehu.guard.ledger.proof import BodyGone, NotInLedger, RowRetired
    from kehu.guard.staff.actions import TokenRefused, UnknownStaff
    from kehu.guard.watch.cases import UnknownCase
    from kehu.refine.derive.faults import NobodyMay, UnknownTrait
    from kehu.refine.resolve.link import LinkageFailed
    from kehu.refine.resolve.review import NotOneCustomer, UnknownProposal
    from kehu.refine.resolve.sources import UnknownChannel
    from kehu.refine.resolve.spark import SparkMissing
    from kehu.refine.resolve.weights import NotCompared, NothingLearned, UnknownWeights
    from kehu.serve.assurance.queries import LedgerEmpty
    from kehu.serve.assurance.trials import UnknownTrial
    from kehu.serve.corrections.telling import UnknownTelling
    from kehu.serve.leaving.asking import NotToRun, UnknownLeaving
    from kehu.serve.leaving.demands import NotToHandOver, UnknownDemand
    from kehu.serve.leaving.tokens import TokenOver, UnknownToken
    from kehu.serve.rights.erasure import HolderFailed
    from kehu.serve.rights.evidence import NoEvidence
    from kehu.serve.rights.incidents import UnknownIncident
    from kehu.serve.rights.probable import UnknownPart
    from kehu.serve.rights.receipts import UnknownConsent
    from kehu.serve.rights.requests import AlreadyAnswered, UnknownRequest
    from kehu.serve.rights.residue import NothingLeft

    return {
        UnknownImport: "unknown-import",
        importing.ImportRunning: "import-busy",
        importing.ImportOver: "import-busy",
        importing.FilesChanged: "import-busy",
        NothingRefused: "nothing-refused",
        FileExistsError: "file-exists",
        UploadTooLarge: "too-large",
        MappingRefused: "mapping",
        AsideDoesNotOpen: "unknown-upload",
        UnknownSubject: "unknown-subject",
        NothingToWithdraw: "not-in-force",
        NotInForce: "not-in-force",
        Notice.DoesNotExist: "unknown-notice",
        UnknownChange: "unknown-change",
        NothingChanges: "nothing-changes",
        ProposalOpen: "proposal-open",
        ProposalEnded: "proposal-ended",
        ProposalOutdated: "proposal-outdated",
        UnknownSource: "unknown-source",
        AlreadyStopped: "source-stopped",
        UnknownGrant: "unknown-grant",
        GrantOver: "grant-over",
        UnknownRole: "unknown-role",
        RoleDecided: "role-decided",
        UnknownThing: "unknown-thing",
        UnknownPostChange: "unknown-post-change",
        ChangeOver: "post-change-over",
        UnknownCourse: "unknown-course",
        UnknownCase: "unknown-case",
        UnknownWording: "unknown-wording",
        WordingOver: "wording-over",
        TokenRefused: "token",
        UnknownStaff: "unknown-staff",
        NotInLedger: "not-in-ledger",
        RowRetired: "row-retired",
        BodyGone: "body-gone",
        LedgerEmpty: "empty",
        UnknownTrial: "unknown-trial",
        UnknownLeaving: "unknown-export",
        NotToRun: "export-state",
        UnknownDemand: "unknown-demand",
        NotToHandOver: "demand-state",
        UnknownToken: "unknown-token",
        TokenOver: "token-over",
        HolderFailed: "holder-failed",
        UnknownIncident: "unknown-incident",
        UnknownTelling: "unknown-telling",
        UnknownPart: "unknown-part",
        UnknownRequest: "unknown-request",
        UnknownConsent: "unknown-consent",
        UnknownStatement: "unknown-consent",
        NoEvidence: "no-evidence",
        SuppressedHere: "suppressed",
        AlreadyAnswered: "already-answered",
        NothingLeft: "nothing-left",
        LedgerUnavailable: "ledger",
        RulesChanged: "outdated",
        UnknownTrait: "unknown-trait",
        NobodyMay: "trait-waits",
        LinkageFailed: "linkage",
        SparkMissing: "spark",
        UnknownProposal: "unknown-proposal",
        NotOneCustomer: "not-one-customer",
        UnknownWeights: "unknown-weights",
        NotCompared: "weights-not-compared",
        NothingLearned: "nothing-learned",
        UnknownChannel: "unknown-channel",
        DatabaseError: "database",
        InterfaceError: "database",
    }


@functools.cache
def table() -> dict[str, Any]:
    """Every code with its exit code, its status and its words."""
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))
