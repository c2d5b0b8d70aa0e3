"""Browsing the site in tests: Django's client with a sign-in and, where wanted, a purpose."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.test import Client

from kehu.guard.gate.actor import Actor
from kehu.guard.staff.actions import actor_of, add_staff


def browser(**options: Any) -> Client:
    """A browser nobody has used yet."""
    return Client(SERVER_NAME="localhost", **options)


def signed_in(role: str, purpose: str | None = None, *, attest: bool = True) -> tuple[Client, Actor]:
    """A browser in which a new member of staff of that role has signed in, and claimed the purpose."""
    email = f"{role}-{uuid.uuid4().hex[:6]}@kehu.example"
    _, account = add_staff(email=email, role=role, department=None, attest=attest)
    held = browser()
    answer = held.post("/sign-in", {"email": account.email, "password": account.password})
    assert answer.status_code == 302, answer.status_code
    if purpose is not None:
        assert held.post("/purpose", {"purpose": purpose}).status_code == 302
    return held, actor_of(email)


def text_of(answer: object) -> str:
    """The body of an answer."""
    return answer.content.decode()  # type: ignore[attr-defined, no-any-return]


def misfits(table: Mapping[str, tuple[str, str, Iterable[str], int, int]], role: str, desk: Client) -> list[str]:
    """Addresses that answer a role otherwise than a table says; none of them may carry a style or a script inline.

    The table: name -> (path, method, roles let in, status for them, status for the others that are signed in).
    """
    wrong = []
    for name, (path, method, roles, let_in, others) in table.items():
        wanted = let_in if role in roles else others
        answer = getattr(desk, method)(path)
        if answer.status_code != wanted:
            wrong.append(f"{role} {name}: {answer.status_code}, not {wanted}")
        assert not re.search(r"<[^>]+\s(style|on\w+)=", text_of(answer)), name
    return wrong
