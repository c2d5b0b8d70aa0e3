"""People (and the home's owner) who ask: the control-plane row. What the gate reads of them is ``actor_state``."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models

from kehu.govern.slugs import ROLES


class Department(models.Model):
    """A unit to which each act is traced."""

    personal_data: ClassVar[str] = "none"

    id = models.SmallAutoField(primary_key=True)
    slug = models.SlugField(max_length=40, unique=True)

    def __str__(self) -> str:
        return self.slug


class StaffManager(BaseUserManager["Staff"]):
    """Finds staff by email; creation is :func:`kehu.guard.staff.actions.add_staff`."""

    def get_by_natural_key(self, username: str | None) -> Staff:
        """Look a sign-in name up, whatever its case."""
        return self.get(email__iexact=username)


class Staff(AbstractBaseUser):
    """A member of staff, or the owner of the home (role ``owner``, no sign-in)."""

    personal_data: ClassVar[str] = "none"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    role = models.CharField(max_length=20, choices=[(r, r) for r in ROLES])
    department = models.ForeignKey(Department, on_delete=models.PROTECT)
    is_active = models.BooleanField(default=True)
    agreement_until = models.DateTimeField(null=True)
    training_until = models.DateTimeField(null=True)
    # the second factor's secret, sealed; and the step of the last code taken, as none is taken twice
    totp = models.BinaryField(null=True)
    totp_step = models.BigIntegerField(null=True)
    totp_pending = models.BinaryField(null=True)  # offered, sealed too; the account's own after its first code
    # the country worked from (empty: where the data is kept), and the hours of duty there (null: any)
    place = models.CharField(max_length=2, blank=True, db_default="")
    zone = models.CharField(max_length=40, blank=True, db_default="")
    duty_days = ArrayField(models.SmallIntegerField(), null=True)
    duty_from = models.TimeField(null=True)
    duty_to = models.TimeField(null=True)
    # the language they read these pages in last, as far as they said: mail to them is written in it (empty: in all)
    language = models.CharField(max_length=8, blank=True, db_default="")
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[Any] = StaffManager()

    def __str__(self) -> str:
        return str(self.id)
