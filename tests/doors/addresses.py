"""One table of every address of the site × who asks × what is answered, made of those that the tests walk through.

``python -m tests.doors.addresses`` writes it to ``docs/reference/addresses.md``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kehu.host.settings")
django.setup()

from django.urls import URLPattern, URLResolver, get_resolver  # noqa: E402  (settings first)

from tests.doors.access import test_access_pages as access  # noqa: E402
from tests.doors.account import test_account_pages as account  # noqa: E402
from tests.doors.api import test_api as api  # noqa: E402
from tests.doors.classify import test_classify_pages as classify  # noqa: E402
from tests.doors.corrections import test_correction_pages as corrections  # noqa: E402
from tests.doors.forms import test_form_pages as forms  # noqa: E402
from tests.doors.intake import test_channel_pages as intake  # noqa: E402
from tests.doors.office import test_office_pages as office  # noqa: E402
from tests.doors.portal import test_pages as portal  # noqa: E402
from tests.doors.quality import test_quality_pages as quality  # noqa: E402
from tests.doors.register import test_register_pages as register  # noqa: E402
from tests.doors.released import test_released_pages as released  # noqa: E402
from tests.doors.review import test_review_pages as review  # noqa: E402
from tests.doors.system import test_system_pages as system  # noqa: E402
from tests.doors.traits import test_trait_pages as traits  # noqa: E402
from tests.doors.visit import test_visit_pages as visit  # noqa: E402
from tests.doors.web import test_counter_pages as counter  # noqa: E402
from tests.doors.web import test_permissions as desk  # noqa: E402
from tests.doors.web import test_watch_pages as watch  # noqa: E402

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "reference" / "addresses.md"
ROLES: Final = desk.ROLES
SIGN_IN: Final = 302  # to where one signs in
_CAME: Final = "customer"
_NOBODY: Final = "nobody"


class Row(NamedTuple):
    """An address, how it is asked, and the status for each role of staff, a customer and nobody."""

    name: str
    path: str
    method: str
    answers: Mapping[str, int]


def site() -> dict[str, str]:
    """Every named address that the site resolves, but those of the API."""

    def walk(patterns: Any, before: str) -> Iterator[tuple[str, str]]:
        for one in patterns:
            here = before + str(one.pattern)
            if isinstance(one, URLResolver):
                if not here.startswith("api/"):
                    yield from walk(one.url_patterns, here)
            elif isinstance(one, URLPattern):
                yield str(one.name), "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", here)

    return dict(walk(get_resolver().url_patterns, ""))


def rows() -> list[Row]:
    """The tables of all packages as one."""
    places, found = site(), list[Row]()
    for name, (method, _, roles, let_in, others) in desk.TABLE.items():
        answers = {role: let_in if roles == desk.OPEN or role in roles else others for role in ROLES}
        if name in desk.ASKED_FIRST:
            answers["engineer"] = SIGN_IN
        open_to_all = {_CAME: let_in, _NOBODY: let_in} if roles == desk.OPEN else {_CAME: SIGN_IN, _NOBODY: SIGN_IN}
        found.append(Row(name, places[name], method, answers | open_to_all))
    for held in (
        watch,
        access,
        classify,
        system,
        register,
        office,
        corrections,
        intake,
        forms,
        visit,
        released,
        counter,
        review,
        quality,
        traits,
    ):
        for name, (_, method, roles, let_in, others) in held.TABLE.items():
            outside = let_in if name in getattr(held, "OPEN_TO_ALL", ()) else SIGN_IN
            answers = {role: let_in if role in roles else others for role in ROLES} | {_CAME: outside, _NOBODY: outside}
            if name in getattr(held, "ASKED_FIRST", ()):
                answers["engineer"] = SIGN_IN
            found.append(Row(name, places[name], method, answers))
    for name, (_, method, whole, _) in account.TABLE.items():
        outside = whole if name in account.OPEN else SIGN_IN
        found.append(Row(name, places[name], method, dict.fromkeys(ROLES, whole) | {_CAME: outside, _NOBODY: outside}))
    for name, (_, method, roles, let_in, others) in account.LOOKED_AFTER.items():
        answers = {role: let_in if role in roles else others for role in ROLES} | {_CAME: SIGN_IN, _NOBODY: SIGN_IN}
        found.append(Row(name, places[name], method, answers))
    for name, (_, method, _, nobody, customer) in (portal.TABLE | traits.OWN).items():
        answers = dict.fromkeys(ROLES, nobody) | {_CAME: customer, _NOBODY: nobody}
        found.append(Row(name, places[name], method, answers))
    return sorted(found, key=lambda row: row.path)


def text() -> str:
    """The page."""
    heads = [*ROLES, _CAME, _NOBODY]
    lines = [
        "# Every address, who asks, and what is answered",
        "",
        "Written from the tables that the tests walk through, each address by each role (`python -m tests.doors.addresses`); an",
        "address that the site resolves and no table names fails the run. Unknown ids are asked for, so 404 is what is let in and",
        "finds nothing; 302 leads to a sign-in, to a purpose first, or back after a form; 403 is refused, and 422 a form that says",
        "what is missing. `customer` has come in at the customers' door, `nobody` has not signed in.",
        "",
        "| address | | " + " | ".join(heads) + " |",
        "|---|---|" + "--:|" * len(heads),
    ]
    for row in rows():
        lines.append(
            f"| `{row.path}` | {row.method.upper()} | " + " | ".join(str(row.answers[one]) for one in heads) + " |"
        )
    lines += [
        "",
        "## The API",
        "",
        "By role and the purpose of its token; without a token 401.",
        "",
        "| | | answers |",
        "|---|---|---|",
    ]
    for (method, path), answers in sorted(api.TABLE.items(), key=lambda one: one[0][::-1]):
        told = ", ".join(
            f"{'nobody' if who is None else '/'.join(map(str, who))} {status}"
            for who, status in sorted(answers.items(), key=lambda one: (one[0] is None, str(one[0])))
        )
        lines.append(f"| `/api/v1{path}` | {method} | {told} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
