"""An installation from before the register: its notice and its records stay as they were, and what ships is in force."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connection

from kehu.govern import notices, register
from kehu.govern.consent import notice_in_force
from kehu.govern.models import Change, Notice
from kehu.govern.purposes import load_purposes
from kehu.guard.checks import check_installation
from kehu.guard.gate.read import gate
from kehu.guard.setup import as_owner, migrate, prepare, ship
from kehu.host.postgres import PostgresError
from kehu.serve.register import changes
from tests.cast import admit, staff


def test_what_was_there_stays_in_force(database):
    amy, paul, [lin] = staff("service"), staff("privacy"), admit({"email": "lin@mail.example"})
    told = Notice.objects.get().texts
    with as_owner(database):
        call_command("migrate", "guard", "0009", verbosity=0)
        call_command("migrate", "govern", "0006", verbosity=0)
        call_command("migrate", verbosity=0)
        assert Change.objects.filter(register="purpose").count() == 0
        ship()
    prepare()
    notice = notice_in_force()
    assert (notice.version, notice.texts, notice.shipped) == (1, told, True)
    assert Notice.objects.count() == 1
    assert register.purposes_in_force() == load_purposes()
    assert notices.told()["service"] == load_purposes()["service"].least
    opened = gate().open([lin], actor=amy, purpose="service", fields=["email"])[0]
    assert [one.field for one in opened.contributions] == ["email"]
    changes.approve(changes.propose_notice("privacy", dict.fromkeys(told, "Other."), actor=amy).id, actor=paul)
    assert notice_in_force().version == 2


def test_an_older_program_does_not_go_on_with_a_newer_database(database):
    """As after an upgrade was taken back: it would write rows that the newer one never meant."""
    with as_owner(database), connection.cursor() as cursor:
        cursor.execute("insert into django_migrations (app, name, applied) values ('guard', '9999_later', now())")
        cursor.execute("insert into django_migrations (app, name, applied) values ('gone', '0001_initial', now())")
    assert "database.newer" in {one.id for one in check_installation(running=False)}
    with pytest.raises(PostgresError, match=r"guard\.9999_later"):
        migrate(database)
    with as_owner(database), connection.cursor() as cursor:
        cursor.execute("delete from django_migrations where name = '9999_later'")
    migrate(database)
    assert "database.newer" not in {one.id for one in check_installation(running=False)}
