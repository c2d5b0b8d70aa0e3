"""Reports of mail servers that a letter did not arrive (RFC 3464), read out of a mail: to whom, and whether for good."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from typing import Final

MOST: Final = 20
"""Recipients of a report that are read."""
_TO: Final = re.compile(r"(?i)\s*rfc822\s*;\s*<?([^@\s<>\";,]{1,64}@[A-Za-z0-9.\-]{3,253})>?\s*")
_STATUS: Final = re.compile(r"\s*([245])\.(\d{1,3})\.(\d{1,3})")
_FULL: Final = ("2", "2")  # a mailbox that is full is emptied some day


def bounced(message: Message) -> list[tuple[str, str]]:
    """Each recipient of a report of failure, with ``hard-bounce`` or ``soft-bounce``; empty: the mail is no such report."""
    if message.get_content_type() != "multipart/report":
        return []
    if str(message.get_param("report-type") or "delivery-status").lower() != "delivery-status":
        return []
    found: dict[str, str] = {}
    for block in _blocks(message):
        to = _TO.fullmatch(str(block.get("Final-Recipient") or block.get("Original-Recipient") or "")[:400])
        status = _STATUS.match(str(block.get("Status") or "")[:40])
        if to is None or status is None or str(block.get("Action") or "").strip().lower() != "failed":
            continue
        for_good = status[1] == "5" and (status[2], status[3]) != _FULL
        found.setdefault(to[1].lower(), "hard-bounce" if for_good else "soft-bounce")
        if len(found) == MOST:
            break
    return list(found.items())


def _blocks(message: Message) -> Iterator[Message]:
    """What the report says of each recipient: blocks of heads within its part of that kind."""
    parts = message.get_payload()
    for part in parts[:5] if isinstance(parts, list) else []:
        if isinstance(part, Message) and part.get_content_type() == "message/delivery-status":
            held = part.get_payload()
            yield from (one for one in held[: MOST + 1] if isinstance(one, Message)) if isinstance(held, list) else ()
