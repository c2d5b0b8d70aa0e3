"""What a submission becomes: a person, a message they wrote, and an errand that carries consents, letters and signals."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import orjson

from kehu.collect.channels import Asked, Brought, Reading, Request, Response, Terms, Unreadable, problem
from kehu.collect.forms.definition import EVENT_FIELDS
from kehu.collect.forms.models import FormVersion

SAID: Final = "form"
"""The hand that keeps what a person allowed by a form."""
ANSWERED: Final = "survey"
"""The hand that keeps answers."""


def answer(request: Request) -> Response:
    """Forms are posted at their own address, not at a channel's."""
    del request
    return problem(404, "not_found", "Post to the form's own address.")


def messages(envelope: Any) -> list[Any]:
    """The submissions of what was stored: one."""
    found: list[Any] = envelope["m"]
    return found


def again(message: Any, channel: int) -> Any:
    """A submission that was refused, under the terms of the version that it was sent by.

    Raises:
        ValueError: it names no form and version that are here.
    """
    del channel
    try:
        held = FormVersion.objects.get(form=UUID(str(message["form"])), number=int(message["v"]))
    except (KeyError, TypeError, FormVersion.DoesNotExist):
        raise ValueError("form") from None
    return {"m": [message], "under": {"controller": held.controller, "basis": held.basis, "notice": held.notice}}


def apart(message: Any) -> list[Any]:
    """Answers and whoever gave them, each by itself: what would tell that they came together is left out of the answers."""
    if not isinstance(message, dict) or not message.get("answers"):
        return [message]
    own, day = str(uuid4()), str(message["at"])[:10]
    answers = {part: message[part] for part in ("form", "v", "way", "country", "answers", "invited")}
    answers |= {"own": own, "name": f"form:{own}", "at": f"{day}T00:00:00+00:00", "language": "", "values": {}}
    person = {part: held for part, held in message.items() if part not in ("answers", "invited")}
    return [person, answers] if message["values"] else [answers]


def read(envelope: Any, received: datetime, places: list[int], terms: Terms) -> Reading:
    """What the submissions at these places become."""
    reading = Reading()
    for place in places:
        message = envelope["m"][place]
        if not isinstance(message, dict) or "name" not in message:
            reading.refused.append(Unreadable(place, "message_names_nobody"))
            continue
        rows, asked = _read(message, terms)
        for one in (*rows, *asked):
            if isinstance(one, Brought):
                one.message = place
        reading.rows += rows
        reading.asked += [replace(one, message=place) for one in asked]
    return reading


def _read(message: dict[str, Any], terms: Terms) -> tuple[list[Brought], list[Asked]]:
    values: dict[str, str] = message["values"]
    person = {name: held for name, held in values.items() if name not in EVENT_FIELDS}
    wrote = {name: held for name, held in values.items() if name in EVENT_FIELDS}
    own, at = str(message["own"]), str(message["at"])
    name = str(message["name"])
    residence = person.get("country") or message["country"] or terms.residence
    rows, asked = list[Brought](), list[Asked]()
    if values:
        rows.append(Brought("customers", {"external_id": name, **person}, own, residence, at=at))
        said = orjson.dumps({part: held for part, held in message.items() if part not in ("values", "answers")})
        # answers are kept apart from people, also where what the person said has to wait
        asked.append(Asked(SAID, name, {"said": said.decode()}, besides=("answers",)))
    if wrote:
        wrote = {"external_id": name, "kind": str(message["way"]), "at": at, **wrote}
        rows.append(Brought("interactions", wrote, own, residence, at=at))
    if message.get("answers"):
        kept = {part: message[part] for part in ("own", "form", "v", "at", "language", "answers", "invited")}
        whose = UUID(kept["invited"]) if kept["invited"] else None
        asked.append(Asked(ANSWERED, None, {"said": orjson.dumps(kept).decode()}, subject=whose))
    return rows, asked
