"""What most systems do: the same fields in clear in one row, a token looked up, an ORM read, JSON out. For comparison."""

from __future__ import annotations

import hashlib
from uuid import UUID

from django.db import models
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

FIELDS = (
    "external_id", "full_name", "gender", "email", "phone", "street", "house_number", "locality", "region",
    "postal_code", "country",
)  # fmt: skip


class PlainToken(models.Model):
    """A bearer token by its digest, and whom it acts for."""

    digest = models.BinaryField(primary_key=True)
    staff = models.TextField()
    expires_at = models.DateTimeField()

    class Meta:
        app_label, db_table, managed = "bench", "bench_token", False


class PlainCustomer(models.Model):
    """A customer in clear."""

    id = models.UUIDField(primary_key=True)
    external_id = models.TextField()
    full_name = models.TextField()
    gender = models.TextField()
    email = models.TextField()
    phone = models.TextField()
    street = models.TextField()
    house_number = models.TextField()
    locality = models.TextField()
    region = models.TextField()
    postal_code = models.TextField()
    country = models.TextField()

    class Meta:
        app_label, db_table, managed = "bench", "bench_customer", False


TABLES = f"""
create table bench_floor (one int);
create table bench_token (digest bytea primary key, staff text not null, expires_at timestamptz not null);
create table bench_customer (id uuid primary key, {", ".join(f"{name} text not null" for name in FIELDS)});
"""


def digest_of(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


def show(request: HttpRequest, subject: UUID) -> HttpResponse:
    """One customer."""
    from django.utils import timezone

    held = PlainToken.objects.filter(
        digest=digest_of(request.headers.get("Authorization", "").removeprefix("Bearer ")),
        expires_at__gt=timezone.now(),
    ).first()
    if held is None:
        return JsonResponse({"error": "token"}, status=401)
    found = PlainCustomer.objects.get(id=subject)
    return JsonResponse({"subject": str(found.id), "fields": {name: getattr(found, name) for name in FIELDS}})


route = path("api/v1/subjects/<uuid:subject>", show)
