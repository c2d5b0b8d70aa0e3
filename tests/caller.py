"""A caller of the API: a token's text, JSON in, JSON out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from kehu.doors.api.callers import limiter
from kehu.guard.staff.actions import add_staff, issue_token
from kehu.host.home import Home

LIN = {
    "full_name": "林婉清",
    "email": "lin@mail.example",
    "phone": "+8613800006721",
    "national_id": "11010519491231002X",
}
ROOT = "/api/v1"


@dataclass
class Answer:
    """Status, headers and body of one answer."""

    status: int
    headers: Any
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Caller:
    """Calls with one token (None: without)."""

    def __init__(self, token: str | None) -> None:
        self.token = token
        self._client = Client(SERVER_NAME="localhost")

    def __call__(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            named.setdefault("Authorization", f"Bearer {self.token}")
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else b""
        kind = named.pop("Content-Type", "application/json")
        response = self._client.generic(method, ROOT + path, data, content_type=kind, headers=named)
        return Answer(response.status_code, response.headers, response.content.decode())


@pytest.fixture
def caller(database):
    """``caller(role, purpose)``: a caller with a fresh token of a member of staff of that role."""
    limiter._buckets.clear()
    (Home.current() / "checkpoints").unlink(missing_ok=True)  # heads of other tests' databases
    made: set[str] = set()

    def of(role: str, purpose: str) -> Caller:
        if role not in made:
            add_staff(email=f"{role}@kehu.example", role=role, department=None, attest=True)
            made.add(role)
        return Caller(issue_token(email=f"{role}@kehu.example", purpose=purpose, minutes=30)[0])

    return of


@pytest.fixture
def anyone(database):
    """A caller without a token."""
    return Caller(None)
