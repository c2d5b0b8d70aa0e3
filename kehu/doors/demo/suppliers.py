"""Whom the company has data from besides its customers: a fair's organiser in force, and a public place that waits.

All of it through the actions that a real office uses, by the made-up members of staff; done again it changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from kehu.govern.models import Source
from kehu.govern.register import NothingChanges, ProposalOpen
from kehu.guard.access import owners
from kehu.guard.gate.actor import Actor
from kehu.guard.staff.actions import owner_actor
from kehu.guard.staff.models import Staff
from kehu.serve.register import changes
from kehu.serve.sources import register

FAIR: Final = "harbour-fair"
_COURTS: Final = "open-judgments"


def keep_sources(actor_of: Callable[[str], Actor], proof: bytes) -> None:
    """Register the fair's organiser with the proof that lies beside its list; propose the courts' open judgments."""
    today = datetime.now(UTC).date()
    if not Source.objects.filter(name=FAIR).exists():
        with suppress(NothingChanges, ProposalOpen):
            made = changes.propose_source(
                FAIR,
                {
                    "kind": "third-party", "party": "海港会展（虚构） Harbour Fairs (made up)", "country": "HK",
                    "contract": "HF-2026-04", "ground": "consent", "purposes": ["service", "marketing"],
                    "until": (today + timedelta(days=200)).isoformat(), "proof": hashlib.sha256(proof).hexdigest(),
                    "obtained": "展会现场登记；抽查 20 份登记表", "transfer": "标准合同",
                },
                reason="展会名单",
                actor=actor_of("marketing"),
            )  # fmt: skip
            changes.approve(made.id, actor=actor_of("legal"))
            emails = dict(Staff.objects.values_list("id", "email"))
            owner, deputy = (emails[actor_of(role).staff] for role in ("marketing", "manager"))
            owners.set_owner("source", [FAIR], owner=owner, deputy=deputy, actor=owner_actor())
            register.audit(FAIR, on=today, outcome="passed", note="抽查登记表与同意记录", actor=actor_of("privacy"))
    with suppress(NothingChanges, ProposalOpen):
        changes.propose_source(
            _COURTS,
            {
                "kind": "public", "party": "公开裁判文书（虚构） Open judgments (made up)", "country": "CN", "ground": "public",
                "purposes": ["legal", "credit"], "fields": ["legal_name", "full_name", "external_id"],
                "scope": "近两年的公开裁判文书，仅限当事人名称", "proof": hashlib.sha256(b"made up").hexdigest(),
            },
            reason="核查大额客户",
            actor=actor_of("manager"),
        )  # fmt: skip
