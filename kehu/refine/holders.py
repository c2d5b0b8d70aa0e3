"""The review queue as a holder: pairs of ids; a pair with somebody erased is nobody's business any more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.db.models import Q

from kehu.refine.models import Answer, Proposal


class ProposalHolder:
    """Proposals that two records are one person, and what was decided on them."""

    name: Final = "proposals"
    tables = frozenset({Proposal._meta.db_table})

    def export(self, subject: UUID, *, actor: Any) -> Mapping[str, Any] | None:
        """How often the system supposed that this is somebody else, too; not whom: that may be another person."""
        rows = Proposal.objects.filter(Q(older=subject) | Q(younger=subject)).order_by("found_at")
        found = [{"found_at": row.found_at.isoformat(), "state": row.state} for row in rows]
        return {"supposed_matches": found} if found else None

    def erase(self, subject: UUID) -> int:
        """Delete them. Answers stay as labels, of nobody: degrees of agreement, without the pair."""
        theirs = Proposal.objects.filter(Q(older=subject) | Q(younger=subject))
        Answer.objects.filter(proposal__in=theirs.values("id")).update(proposal=None)
        return theirs.delete()[0]
