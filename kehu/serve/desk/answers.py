"""What the desk reads, as the plain objects that the command line and the API both answer with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from kehu.govern.sources import Mark
from kehu.guard.gate.compare import Compared
from kehu.guard.gate.decisions import FieldAnswer
from kehu.guard.installation import installation
from kehu.serve.desk.queries import Customer, Found


def policy_words(policy: str, language: str = "en") -> dict[str, str]:
    """A policy's id, article and reason in the reader's language."""
    text = installation().rules.policies.text(policy, language)
    return {"policy": policy, "article": text.article, "reason": text.reason}


def customer_answer(seen: Customer, language: str = "en") -> dict[str, Any]:
    """One customer: values in clear, masked ones and denied fields with why, and the row it stands in."""
    return {
        "subject": str(seen.subject),
        "fields": seen.fields,
        "masked": {
            name: {"value": value} | policy_words(policy, language) for name, (value, policy) in seen.masked.items()
        },
        "denied": {name: policy_words(policy, language) for name, policy in seen.denied.items()},
        "sources": [mark_answer(one) for one in seen.marks],
        "ledger": {"seq": seen.seq},
    }


def mark_answer(mark: Mark) -> dict[str, Any]:
    """That something came from a source and not from the customer; name and party are null where nobody registered it."""
    return {"kind": mark.kind, "name": mark.name or None, "party": mark.party or None}


def found_answer(found: Found) -> dict[str, Any]:
    """Customers found, what the next page comes after (null: there is none), and the row of the look-up."""
    return {
        "subjects": [str(subject) for subject in found.subjects],
        "next": str(found.next) if found.next else None,
        "ledger": {"seq": found.seq},
    }


def comparison_answer(subject: UUID, field: str, found: Compared) -> dict[str, Any]:
    """Whether what was said is what is held (null: nothing is held), and the row it stands in."""
    return {"subject": str(subject), "field": field, "match": found.matched, "ledger": {"seq": found.seq}}


def explanation_answer(answers: Mapping[str, FieldAnswer], language: str = "en") -> dict[str, Any]:
    """Field by field what a read would show, and why."""
    return {
        "decisions": [
            {"field": name, "answer": answer.answer} | policy_words(answer.policy, language)
            for name, answer in sorted(answers.items())
        ]
    }
