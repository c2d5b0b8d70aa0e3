"""Commands of the service centre: mailboxes that are fetched, and contacts taken down."""

from __future__ import annotations

import sys
from typing import Any
from uuid import uuid4

import click

from kehu.doors.cli.channels import channel_named
from kehu.doors.cli.frame import FAILED, USAGE, Failure, actor, command, subject_id, told
from kehu.doors.cli.installation import owner_only


@click.command(
    "mailbox", epilog="Example: kehu channel mailbox service --host imap.example --account help@shop.example < password"
)
@click.argument("name")
@click.option("--host", required=True, help="The IMAP server.")
@click.option("--port", type=int, default=993, show_default=True, help="993: TLS; another: STARTTLS where offered.")
@click.option("--account", required=True, help="The house's own name there.")
@click.option("--folder", default="INBOX", show_default=True)
@click.option("--everything", is_flag=True, help="Also what is there already; else what comes from today on.")
@click.option("--mark-seen", is_flag=True, help="Mark what was taken as seen; else the mailbox stays as it is.")
@command()
def mailbox(name: str, host: str, port: int, account: str, folder: str, everything: bool, mark_seen: bool) -> Any:
    """Say where a channel's mail is fetched from, every minute; the password comes from standard input and lies sealed."""
    from kehu.collect.mail.boxes import BoxRefused, set_box

    owner_only()
    held = channel_named(name)
    said: str = click.prompt("Password", hide_input=True, err=True) if sys.stdin.isatty() else told("-")
    try:
        made = set_box(
            held, actor=actor(), host=host, port=port, account=account, folder=folder, password=said.strip("\r\n"),
            everything=everything, marks_seen=mark_seen,
        )  # fmt: skip
    except BoxRefused as refused:
        raise Failure(USAGE, f"bad-{refused.option}", str(refused)) from None
    since = made.since.isoformat() if made.since else None
    return {"id": held.id, "host": made.host, "port": made.port, "folder": made.folder, "since": since}


@click.command("pull", epilog="Example: kehu channel pull service")
@click.argument("name")
@command()
def pull_now(name: str) -> Any:
    """Fetch a mailbox now, without waiting for its minute."""
    from kehu.collect.mail.health import WORDS
    from kehu.collect.mail.pull import PullFailed, pull
    from kehu.collect.models import Mailbox

    owner_only()
    box = Mailbox.objects.filter(channel=channel_named(name).id).first()
    if box is None:
        raise Failure(FAILED, "no-mailbox", "No mailbox is named for this channel.", "See: kehu channel mailbox")
    try:
        found = pull(box)
    except PullFailed as failed:
        message, remedy = WORDS[failed.word]
        raise Failure(FAILED, f"mail-{failed.word}", message, remedy) from None
    return {"seen": found.seen, "new": found.new}


@click.command("contact", epilog="Example: kehu contact 0199… --channel counter --kind call --topic delivery")
@click.argument("subject")
@click.option("--channel", "name", required=True, help="A channel of the kind `counter`.")
@click.option("--kind", required=True, help="What it was: call, chat, visit or letter.")
@click.option("--topic", default="", help="About what; - reads a line of standard input.")
@click.option("--text", default="", help="What was said; - reads a line of standard input.")
@click.option("--at", default="", help="When it was, ISO 8601; else now.")
@click.option("--recording", default="", help="Where a recording lies.")
@click.option("--ground", default="", help="Why there may be one: announced, or all-parties.")
@click.option("--proof", default="", help="What shows that it was announced.")
@command()
def contact(
    subject: str, name: str, kind: str, topic: str, text: str, at: str, recording: str, ground: str, proof: str
) -> Any:
    """Take a call, chat, visit or letter down with the customer it was had with."""
    from kehu.serve.counter.contacts import GROUNDS, KINDS, RecordingRefused, read_contact, record_contact
    from kehu.serve.counter.entries import EntryRefused

    said = {
        "id": str(uuid4()), "kind": kind, "topic": told(topic), "text": told(text), "at": at, "recording": told(recording),
        "ground": ground, "proof": told(proof),
    }  # fmt: skip
    try:
        held = read_contact(said)
        record_contact(channel_named(name), subject_id(subject), held, actor=actor())
    except RecordingRefused as refused:
        words = f" {refused.rule.words['en']} ({refused.rule.article})" if refused.rule else ""
        raise Failure(
            FAILED, "recording-refused", f"No ground for a recording.{words}",
            f"--ground {' or '.join(GROUNDS)}; announced wants --proof, and does not do where all must agree.",
        ) from None  # fmt: skip
    except EntryRefused as refused:
        if refused.code == "no-counter":
            raise Failure(USAGE, "no-counter", "Contacts come in by a channel of the kind `counter`.") from None
        raise Failure(
            USAGE, "bad-contact", f"kind: one of {', '.join(KINDS)}; a topic or text; a time that is not to come"
        ) from None
    return {"id": said["id"], "kept": True}
