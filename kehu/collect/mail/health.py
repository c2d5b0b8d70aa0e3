"""What may be wrong with a mailbox, in words: for who asks now, and for who looks over the whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kehu.collect.models import Mailbox
from kehu.govern.models import Channel
from kehu.host.checks import Finding, Said

WORDS: Final = {
    "unreachable": (
        Said("The server does not answer."),
        Said("Look at --host and --port, and whether this machine may go there."),
    ),
    "certificate": (
        Said("The server's certificate is not trusted, or is another host's."),
        Said("Name the host as its certificate does; an authority of your own goes into SSL_CERT_FILE."),
    ),
    "no-tls": (
        Said("The server offers no TLS, and no password goes without it."),
        Said("Use its port 993, or one with STARTTLS."),
    ),
    "sign-in": (
        Said("The server refuses the account or its password."),
        Said("Many providers want a password made for programs."),
    ),
    "folder": (Said("The server has no such folder."), Said("Name it with --folder, as the server does.")),
    "protocol": (Said("The server answers what cannot be understood."), Said("See whether it speaks IMAP4rev1.")),
    "busy": (Said("Too much waits already."), Said("It is fetched in a minute.")),
    "fault": (
        Said("Something of ours broke down on it."),
        Said("See `mail.fault` in the log; the other mailboxes are fetched."),
    ),
}


def check_mailboxes() -> Iterator[Finding]:
    """Mailboxes that could not be fetched when it was tried last."""
    names = dict(Channel.objects.values_list("id", "name"))
    for box in Mailbox.objects.exclude(failure="").order_by("channel"):
        why, remedy = WORDS.get(box.failure, (Said("It could not be fetched."), Said("")))
        said = Said(
            "The mailbox of channel {channel} is not fetched: {why}",
            channel=names.get(box.channel, box.channel),
            why=why,
        )
        yield Finding("mailbox.failed", "note" if box.failure == "busy" else "warning", said, remedy)
