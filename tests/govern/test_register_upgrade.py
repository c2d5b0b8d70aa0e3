"""An installation from before the register: its notice and its records stay as they were, and what ships is in force."""

from __future__ import annotations

from django.core.management import call_command

from kehu.govern import notices, register
from kehu.govern.consent import notice_in_force
from kehu.govern.models import Change, Notice
from kehu.govern.purposes import load_purposes
from kehu.guard.gate.read import gate
from kehu.guard.setup import as_owner, prepare, ship
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
