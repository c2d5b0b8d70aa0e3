"""What may be wrong with a mailbox, in words: for who asks now, and for who looks over the whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kehu.collect.models import Mailbox
from kehu.govern.models import Channel
from kehu.host.checks import Finding

WORDS: Final = {
    "unreachable": ("The server does not answer.", "Look at --host and --port, and whether this machine may go there."),
    "certificate": (
        "The server's certificate is not trusted, or is another host's.",
        "Name the host as its certificate does; an authority of your own goes into SSL_CERT_FILE.",
    ),
    "no-tls": ("The server offers no TLS, and no password goes without it.", "Use its port 993, or one with STARTTLS."),
    "sign-in": ("The server refuses the account or its password.", "Many providers want a password made for programs."),
    "folder": ("The server has no such folder.", "Name it with --folder, as the server does."),
    "protocol": ("The server answers what cannot be understood.", "See whether it speaks IMAP4rev1."),
    "busy": ("Too much waits already.", "It is fetched in a minute."),
    "fault": ("Something of ours broke down on it.", "See `mail.fault` in the log; the other mailboxes are fetched."),
}


def check_mailboxes() -> Iterator[Finding]:
    """Mailboxes that could not be fetched when it was tried last."""
    names = dict(Channel.objects.values_list("id", "name"))
    for box in Mailbox.objects.exclude(failure="").order_by("channel"):
        text, remedy = WORDS.get(box.failure, ("It could not be fetched.", ""))
        said = f"The mailbox of channel {names.get(box.channel, box.channel)} is not fetched: {text}"
        yield Finding("mailbox.failed", "note" if box.failure == "busy" else "warning", said, remedy)
