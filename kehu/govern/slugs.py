"""Words that scripts and rows rely on, with their small stable numbers. Add freely; never renumber."""

from __future__ import annotations

from typing import Final

ROLES: Final = ("manager", "marketing", "service", "analyst", "engineer", "privacy", "legal", "auditor", "owner")

CUSTOMER: Final = "customer"  # the role of a customer's own credential; no member of staff has it

PURPOSES: Final[dict[str, int]] = {
    "service": 1, "fulfilment": 2, "billing": 3, "marketing": 4, "personalisation": 5, "analytics": 6, "credit": 7,
    "legal": 8, "security": 9, "accuracy": 10, "rights-request": 11, "claims": 12, "complaints": 13,
}  # fmt: skip

PUBLIC_INFORMATION: Final = "public-information"
"""What somebody may object to as to a purpose: every use of what is public about them (PIPL 27)."""
PUBLIC_INFORMATION_NUMBER: Final = 0

BASES: Final[dict[str, int]] = {
    "consent": 1, "contract": 2, "legal_obligation": 3, "vital_interest": 4, "public_interest": 5,
    "legitimate_interest": 6, "hr": 7, "public_information": 8,
}  # fmt: skip

GROUNDS: Final = ("consent", "contract", "legal_duty", "legitimate_interest")  # of a purpose under one law

LANGUAGES: Final = ("zh-hans", "zh-hant", "en")

CHANNELS: Final = ("store", "shop", "form", "file", "phone", "third-party", "public")

# acts as the ledger numbers them
ACTIONS: Final[dict[str, int]] = {
    "read": 1, "list": 2, "find": 3, "explain": 4, "collect": 5, "link": 6, "export": 7, "erase": 8, "consent": 9,
    "restrict": 10, "object": 11, "hold": 12, "optout": 13, "deceased": 14, "request": 15, "incident": 16,
    "review": 17, "sources": 18, "quarantine": 19, "read-ledger": 20, "token": 21, "staff": 22, "rotate": 23,
    "attest": 24, "undo": 25, "portal": 26, "claim": 27, "propose": 28, "assess": 29, "approve": 30, "refuse": 31,
    "retract": 32, "match": 33, "give": 34, "contact": 40, "subscribe": 41, "retire": 42, "withhold": 43,
    "agree": 50, "acknowledge": 51, "train": 52, "publish": 53,
    "ask-grant": 54, "grant": 55, "deny-grant": 56, "end-grant": 57, "break-glass": 58, "review-glass": 59,
    "read-grant": 60, "keep-access": 61, "take-alert": 70, "dismiss-alert": 71, "mark": 72, "unmark": 73, "set-quota": 74,
    "open-case": 100, "freeze": 101, "unfreeze": 102, "hear-case": 103, "answer-case": 104, "decide-case": 105,
    "measure-case": 106, "close-case": 107, "read-case": 108, "forget-cases": 109,
    "stop-source": 110, "audit-source": 111, "inform": 112,
    "move-staff": 80, "close-staff": 81, "own": 82, "propose-role": 83, "approve-role": 84, "refuse-role": 85,
    "invite": 90, "sign-on": 91, "channel": 92,
    "adopt-weights": 120, "teach-weights": 121, "correct": 125, "tell": 126,
    "measure": 130, "quality-rule": 131, "verify": 132, "verify-policy": 133, "verify-task": 134, "bounce": 135,
    "derive": 140, "declare-trait": 141, "retire-trait": 142, "read-traits": 143,
    "classify": 150, "accept-finding": 151, "dismiss-finding": 152, "lower-field": 153,
}  # fmt: skip

MEDIA: Final = ("email", "sms", "phone", "post", "wechat")  # ways to reach someone

# what a separate consent is to (PIPL 29, 23, 25, 39, 26)
EVENTS: Final = ("sensitive", "provide", "publish", "abroad", "public-space")

RECORD_KINDS: Final[dict[str, int]] = {"person": 1, "organisation": 2, "order": 3, "interaction": 4, "edit": 5}

CATEGORIES: Final[dict[str, int]] = {
    "identity": 1, "contact": 2, "transaction": 3, "interaction": 4, "preference": 5, "credit": 6, "social": 7,
}  # fmt: skip


def objected_to(number: int | None) -> str | None:
    """What an objection is to: a purpose, or what is public; None of a state that names nothing."""
    if number is None:
        return None
    return PUBLIC_INFORMATION if number == PUBLIC_INFORMATION_NUMBER else name_of(PURPOSES, number)


def objection_number(word: str) -> int | None:
    """The number of what somebody objects to; None: no such word."""
    return PUBLIC_INFORMATION_NUMBER if word == PUBLIC_INFORMATION else PURPOSES.get(word)


def name_of(table: dict[str, int], number: int) -> str:
    """The word of a number.

    Raises:
        KeyError: no such number.
    """
    for word, held in table.items():
        if held == number:
            return word
    raise KeyError(number)
