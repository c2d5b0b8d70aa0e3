"""Every address of the desk × role × status; an address that is missing here fails."""

from __future__ import annotations

import re
import uuid

import pytest
from django.http import HttpResponse
from django.urls import URLPattern, get_resolver

from kehu.doors.web.middleware import CONTENT_SECURITY_POLICY
from tests.cast import admit
from tests.doors.web.browsing import browser, signed_in

ROLES = ("service", "marketing", "manager", "analyst", "privacy", "legal", "auditor", "engineer")
PURPOSE = {
    "service": "service", "marketing": "marketing", "manager": "service", "analyst": "analytics",
    "privacy": "rights-request", "legal": "legal", "auditor": "security", "engineer": None,
}  # fmt: skip
ALL = frozenset(ROLES)
CLAIMING = ALL - {"engineer"}
COLLECTING = frozenset({"manager", "marketing", "service", "analyst", "privacy", "legal"})
READING = frozenset({"auditor", "privacy", "legal"})
OFFICE = frozenset({"privacy", "legal"})
LEAVING = COLLECTING | READING
OPEN = "open"  # to whoever is not signed in, too
KEPT = {
    "customers-search"
}  # a form that holds what somebody typed: a page keeps it for after the sign-in or the purpose
UNKNOWN = str(uuid.UUID(int=7))

# name of the address -> (method, data, roles let in, status for them, status for the others that are signed in)
TABLE: dict[str, tuple[str, dict[str, str], frozenset[str] | str, int, int]] = {
    "home": ("get", {}, OPEN, 302, 302),
    "sign-in": ("get", {}, OPEN, 200, 200),
    "language": ("post", {"language": "en"}, OPEN, 302, 302),
    "theme": ("post", {"theme": "dark"}, OPEN, 302, 302),
    "purpose": ("get", {}, ALL - {"engineer"}, 200, 302),
    "me": ("get", {}, ALL, 200, 200),
    "customers": ("get", {}, CLAIMING, 200, 302),
    "customers-search": ("post", {"text": "nobody@mail.example"}, CLAIMING, 200, 302),
    "customer": ("get", {}, CLAIMING, 404, 302),
    "customer-timeline": ("get", {}, CLAIMING, 404, 302),
    "customer-show": ("post", {"field": "email"}, CLAIMING, 404, 302),
    "customer-match": ("post", {"field": "birth_date", "said": "1990-03-14"}, CLAIMING, 404, 302),
    "customer-why": ("get", {}, ALL, 404, 404),
    "customer-consent": ("post", {"purpose": "marketing"}, frozenset({"service", "marketing", "privacy"}), 404, 403),
    "customer-separate": ("post", {"event": "publish"}, frozenset({"service", "marketing", "privacy"}), 404, 403),
    "customer-subscription": (
        "post",
        {"medium": "email", "topic": "offers", "status": "subscribed"},
        frozenset({"service", "marketing", "privacy"}),
        404,
        403,
    ),
    "customer-receipt": ("get", {}, frozenset({"service", "marketing", "privacy"}), 404, 403),
    "customer-receipt-file": ("get", {}, frozenset({"service", "marketing", "privacy"}), 404, 403),
    "customer-state": ("post", {"kind": "restriction"}, OFFICE, 404, 403),
    "imports": ("get", {}, COLLECTING, 200, 403),
    "import-upload": ("post", {}, COLLECTING, 302, 403),
    "import-new": ("get", {}, COLLECTING, 404, 403),
    "import-mend": ("post", {}, COLLECTING, 404, 403),
    "import-let-go": ("post", {}, COLLECTING, 404, 403),
    "import": ("get", {}, COLLECTING, 404, 403),
    "import-progress": ("get", {}, COLLECTING, 404, 403),
    "import-go-on": ("post", {}, COLLECTING, 404, 403),
    "import-stop": ("post", {}, COLLECTING, 404, 403),
    "import-undo": ("post", {}, COLLECTING, 404, 403),
    "import-refused": ("post", {}, COLLECTING, 404, 403),
    "ledger": ("get", {}, ALL, 200, 200),
    "ledger-inquiry": ("get", {"purpose": "service"}, READING, 200, 403),
    "laws": ("get", {}, ALL, 200, 200),
    "policies": ("get", {}, READING, 200, 403),
    "policies-replay": ("post", {}, READING, 422, 403),
    "policies-trial": ("get", {}, READING, 404, 403),
    "policies-trial-progress": ("get", {}, READING, 404, 403),
    "policies-trial-cancel": ("post", {}, READING, 404, 403),
    "exports": ("get", {}, LEAVING, 200, 403),
    "exports-ask": ("post", {}, COLLECTING, 422, 403),
    "exports-trace": ("post", {}, READING, 422, 403),
    "export": ("get", {}, LEAVING, 404, 403),
    "export-progress": ("get", {}, LEAVING, 404, 403),
    "export-decide": ("post", {"do": "refuse"}, OFFICE, 404, 403),
    "export-token-decide": ("post", {"do": "refuse"}, OFFICE, 404, 403),
    "ledger-verify": ("post", {}, READING, 200, 403),
    "ledger-proof": ("get", {}, READING, 404, 403),
    "sign-out": ("post", {}, OPEN, 302, 302),
}
# signed in without a purpose: the engineer is asked for one before anything about customers is answered
ASKED_FIRST = frozenset({
    "customers", "customers-search", "customer", "customer-show", "customer-match", "customer-consent", "customer-state",
    "customer-separate", "customer-subscription", "customer-receipt", "customer-receipt-file",
    "exports-ask",
})  # fmt: skip


def _addresses() -> dict[str, str]:
    """Names and example addresses of the desk's own patterns; API and portal have tables of their own."""
    found = {}
    for pattern in get_resolver().url_patterns:
        if isinstance(pattern, URLPattern):
            path = re.sub(r"<uuid:\w+>", UNKNOWN, str(pattern.pattern))
            found[str(pattern.name)] = "/" + re.sub(r"<int:\w+>", "999999999", path)
    return found


def test_every_address_is_in_the_table() -> None:
    assert set(_addresses()) == set(TABLE)


@pytest.mark.usefixtures("database")
def test_each_role_gets_what_the_table_says() -> None:
    addresses, wrong = _addresses(), []
    for role in ROLES:
        desk, _ = signed_in(role, PURPOSE[role])
        for name, (method, data, roles, let_in, others) in TABLE.items():
            wanted = let_in if roles == OPEN or role in roles else others
            if PURPOSE[role] is None and name in ASKED_FIRST:
                wanted = 403 if name in KEPT else 302
            answer = getattr(desk, method)(addresses[name], data)
            if answer.status_code != wanted:
                wrong.append(f"{role} {name}: {answer.status_code}, not {wanted}")
            _check_headers(answer, name)
    assert wrong == []


@pytest.mark.usefixtures("database")
def test_nobody_else_gets_anything() -> None:
    addresses = _addresses()
    for name, (method, data, roles, let_in, _) in TABLE.items():
        answer = getattr(browser(), method)(addresses[name], data)
        if roles == OPEN:
            assert answer.status_code == let_in, name
        elif name in KEPT:
            assert answer.status_code == 401 and b"/sign-in" in answer.content, name
        else:
            assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/sign-in"), name
        _check_headers(answer, name)


@pytest.mark.usefixtures("database")
def test_an_address_that_only_takes_forms_leads_to_a_page() -> None:
    desk, _ = signed_in("privacy", "rights-request")
    addresses = _addresses()
    for name, (method, *_) in TABLE.items():
        if method == "post" and name not in ("language", "customers-search", "theme"):
            answer = desk.get(addresses[name])
            assert answer.status_code == 302 and addresses[name].startswith(answer["Location"]), name


@pytest.mark.usefixtures("database")
def test_a_form_without_this_sites_mark_is_refused() -> None:
    strict = browser(enforce_csrf_checks=True)
    assert strict.post("/sign-in", {"email": "x@kehu.example", "password": "y"}).status_code == 403
    assert strict.post("/imports/upload", {}).status_code == 403


@pytest.mark.usefixtures("database")
def test_without_agreement_nothing_opens() -> None:
    [subject] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    desk, _ = signed_in("service", "service", attest=False)
    answer = desk.get(f"/customers/{subject}")
    assert answer.status_code == 403
    assert b"house.agreement" in answer.content
    assert "林" not in answer.content.decode()


def _check_headers(answer: HttpResponse, name: str) -> None:
    assert answer["Content-Security-Policy"] == CONTENT_SECURITY_POLICY, name
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert answer["Referrer-Policy"] == "same-origin", name
    assert answer["X-Content-Type-Options"] == "nosniff", name
    assert answer["Cache-Control"] == "no-store", name
    body = answer.content.decode()
    if "text/html" in answer.get("Content-Type", ""):
        assert not re.search(r"<[^>]+\sstyle=", body), name
        assert not re.search(r"<[^>]+\son\w+=", body), name
        assert not re.search(r"<script(?![^>]*\ssrc=)", body), name
