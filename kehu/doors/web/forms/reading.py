"""The builder's form as a definition: what was typed and ticked, nothing more."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator
from typing import Final

from django.http import QueryDict

from kehu.collect.forms.definition import TEXTS, Definition, known
from kehu.collect.forms.questions import Question
from kehu.doors.web.pages import whole
from kehu.govern.slugs import LANGUAGES

MOST_QUESTIONS: Final = 40


def definition_of(said: QueryDict) -> Definition:
    """What the builder's form says.

    Raises:
        ValueError: a number that is none.
    """
    texts = {part: _worded(said, part) for part in TEXTS}
    purposes = tuple(said.getlist("purposes"))
    required = set(said.getlist("required"))
    return Definition(
        texts=texts,
        purposes=purposes,
        wordings={slug: held for slug in purposes if any((held := _worded(said, f"wording_{slug}")).values())},
        fields={name: name in required for name in said.getlist("fields")},
        letters=tuple(said.getlist("letters")),
        notice=said.get("notice", ""),
        controller=said.get("controller", ""),
        country=said.get("country", "").strip().upper()[:2],
        origins=tuple(
            dict.fromkeys(line.strip().rstrip("/").lower() for line in said.get("origins", "").split() if line)
        ),
        confirmed=said.get("confirmed") == "yes",
        children=said.get("children") == "yes",
        questions=tuple(_questions(said)),
        anonymous=said.get("anonymous") == "yes",
    )


def digest(held: Definition) -> str:
    """Of what the builder's page shows of a definition: that of the one it sends back where nobody typed or ticked anything."""
    said = held.pack() | {
        "purposes": sorted(held.purposes), "fields": sorted(held.fields.items()), "letters": sorted(held.letters),
        "wordings": {slug: held.wordings.get(slug, {}) for slug in known(held).consents()},
        "texts": [{language: text for language, text in held.texts.get(part, {}).items() if text} for part in TEXTS],
    }  # fmt: skip
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def typed_beside(said: QueryDict) -> Definition | None:
    """What stands in the builder's form beside a button that is not *Save*; None where that is what the page came with."""
    if "kept" not in said:
        return None
    typed = definition_of(said)
    return None if digest(typed) == said["kept"] else typed


def _worded(said: QueryDict, name: str) -> dict[str, str]:
    texts = {language: said.get(f"{name}_{language}", "").replace("\r\n", "\n").strip() for language in LANGUAGES}
    return {language: text for language, text in texts.items() if text}


def _questions(said: QueryDict) -> Iterator[Question]:
    """Questions in their order; one whose words are all gone is gone. No two have one name: their answers would be one's."""
    taken = set[str]()
    for number in range(1, MOST_QUESTIONS + 1):
        words = _worded(said, f"q{number}")
        if not words:
            continue
        lines = {language: said.get(f"q{number}_options_{language}", "").splitlines() for language in LANGUAGES}
        length = max(len([line for line in held if line.strip()]) for held in lines.values())
        options = tuple(
            {language: held[at].strip() for language, held in lines.items() if at < len(held) and held[at].strip()}
            for at in range(length)
        )
        id = said.get(f"q{number}_id") or f"q{number}"
        if id in taken:  # as the page offers it to a new one, where another was taken out before it
            id = next(name for at in itertools.count(1) if (name := f"q{at}") not in taken)
        taken.add(id)
        yield Question(
            id=id, kind=said.get(f"q{number}_kind", "scale"), words=words,
            steps=whole(said.get(f"q{number}_steps", "5")) or 0, options=options,
        )  # fmt: skip
