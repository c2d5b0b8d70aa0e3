"""What most systems do: the same fields in clear, a token looked up, an ORM read, JSON out. For comparison, in two shapes.

``/api/v1/subjects/…``: all fields in one row, which holds one address and one number of a person and is the least that can
be asked of a database. ``/api/v1/related/…``: numbers, addresses and ids in tables of their own, as systems keep them that
hold several of each, read as Django's documentation says (``prefetch_related``).
"""

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


class Person(models.Model):
    """A customer of the second shape: what there is one of."""

    id = models.UUIDField(primary_key=True)
    full_name = models.TextField()
    gender = models.TextField()

    class Meta:
        app_label, db_table, managed = "bench", "bench_person", False


class Held(models.Model):
    """What a person may have several of."""

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(Person, models.CASCADE, related_name="%(class)s_set")

    class Meta:
        abstract = True


class Identifier(Held):
    """An id of theirs elsewhere."""

    external_id = models.TextField()

    class Meta:
        app_label, db_table, managed = "bench", "bench_identifier", False


class Contact(Held):
    """An email address or a telephone number."""

    kind = models.TextField()
    value = models.TextField()

    class Meta:
        app_label, db_table, managed = "bench", "bench_contact", False


class Address(Held):
    """A postal address."""

    street = models.TextField()
    house_number = models.TextField()
    locality = models.TextField()
    region = models.TextField()
    postal_code = models.TextField()
    country = models.TextField()

    class Meta:
        app_label, db_table, managed = "bench", "bench_address", False


ADDRESS = ("street", "house_number", "locality", "region", "postal_code", "country")
TABLES = f"""
create table bench_floor (one int);
create table bench_token (digest bytea primary key, staff text not null, expires_at timestamptz not null);
create table bench_customer (id uuid primary key, {", ".join(f"{name} text not null" for name in FIELDS)});
"""
RELATED = f"""
create table bench_person as select id, full_name, gender from bench_customer;
create table bench_identifier as select row_number() over () as id, id as person_id, external_id from bench_customer;
create table bench_contact as select row_number() over () as id, c.id as person_id, k.kind, k.value from bench_customer c,
    lateral (values ('email', c.email), ('phone', c.phone)) k (kind, value);
create table bench_address as select row_number() over () as id, id as person_id, {", ".join(ADDRESS)} from bench_customer;
alter table bench_person add primary key (id);
alter table bench_identifier add primary key (id);
alter table bench_contact add primary key (id);
alter table bench_address add primary key (id);
create index on bench_identifier (person_id);
create index on bench_contact (person_id);
create index on bench_address (person_id);
"""


def digest_of(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


def _let_in(request: HttpRequest) -> bool:
    from django.utils import timezone

    return (
        PlainToken.objects.filter(
            digest=digest_of(request.headers.get("Authorization", "").removeprefix("Bearer ")),
            expires_at__gt=timezone.now(),
        ).first()
        is not None
    )


def show(request: HttpRequest, subject: UUID) -> HttpResponse:
    """One customer, from one row."""
    if not _let_in(request):
        return JsonResponse({"error": "token"}, status=401)
    found = PlainCustomer.objects.get(id=subject)
    return JsonResponse({"subject": str(found.id), "fields": {name: getattr(found, name) for name in FIELDS}})


def show_related(request: HttpRequest, subject: UUID) -> HttpResponse:
    """One customer, from the tables that hold what there may be several of."""
    if not _let_in(request):
        return JsonResponse({"error": "token"}, status=401)
    found = Person.objects.prefetch_related("identifier_set", "contact_set", "address_set").get(id=subject)
    fields = {"full_name": found.full_name, "gender": found.gender}
    fields |= {one.kind: one.value for one in found.contact_set.all()}
    for one in found.identifier_set.all():
        fields["external_id"] = one.external_id
    for one in found.address_set.all():
        fields |= {name: getattr(one, name) for name in ADDRESS}
    return JsonResponse({"subject": str(found.id), "fields": fields})


routes = [
    path("api/v1/subjects/<uuid:subject>", show),
    path("api/v1/related/<uuid:subject>", show_related),
]
