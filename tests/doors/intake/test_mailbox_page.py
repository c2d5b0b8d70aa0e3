"""A mailbox named at its channel's page, against a real server."""

from __future__ import annotations

from kehu.collect.mail.pull import pull_all
from kehu.collect.models import Mailbox
from kehu.govern.channels import add_channel
from kehu.guard.staff.actions import owner_actor
from tests.collect import dovecot
from tests.collect.test_mailbox import letter
from tests.doors.intake.test_channel_pages import plain, signed_in


def test_a_mailbox_is_named_tried_and_fetched(database, imap):
    made, _ = add_channel("service mail", "mailbox", owner=owner_actor().staff, country="CN")
    page, desk = f"/channels/{made.id}", signed_in("privacy")[0]
    assert "say below where its mail is fetched from" in plain(desk.get(page))
    form = {
        "host": "127.0.0.1",
        "port": str(imap.port),
        "account": dovecot.ACCOUNT,
        "folder": "INBOX",
        "everything": "on",
    }

    def said(**more):
        return desk.post(page + "/mailbox", form | {"password": dovecot.PASSWORD} | more, follow=True)

    assert "refuses the account or its password" in plain(said(password="wrong"))
    assert "is not fetched" in plain(desk.get("/channels"))
    assert "no such folder" in plain(said(folder="Nowhere"))
    for wrong in ({"port": "0"}, {"port": "x"}, {"host": ""}, {"password": ""}):
        answer = said(**wrong)
        assert answer.status_code == 422 and "a port is a number from 1 to 65535" in plain(answer)
    imap.empty()
    imap.put(letter())
    shown = said()
    assert "The server lets us in" in plain(shown) and "fetched every minute" in plain(shown)
    assert dovecot.PASSWORD not in shown.content.decode()
    pull_all()
    assert Mailbox.objects.get().last > 0 and "last " in plain(desk.get(page))
    manager, _ = signed_in("manager")  # sees whether it runs, not by which account
    seen = plain(manager.get(page))
    assert "fetched every minute" in seen and dovecot.ACCOUNT not in seen
    other, _ = add_channel("hook", "webhook", owner=owner_actor().staff)
    assert desk.post(f"/channels/{other.id}/mailbox", form | {"password": "x"}).status_code == 404
