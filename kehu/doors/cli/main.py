"""The command ``kehu``."""

from __future__ import annotations

import click

from kehu import __version__
from kehu.doors.cli import (
    access,
    authorising,
    authorities,
    cases,
    channels,
    classifying,
    collecting,
    correcting,
    demonstration,
    desk,
    evidence,
    governing,
    health,
    installation,
    leaving,
    linking,
    mailing,
    posts,
    quality,
    quotas,
    register,
    rights,
    service,
    shops,
    signing,
    supplying,
    traits,
    watching,
    weights,
    withholding,
)
from kehu.doors.cli.frame import Contract


@click.group(cls=Contract, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kehu")
def main() -> None:
    """Customer information held, used and erased under one gate."""


evidence.ledger.add_command(withholding.withhold)
authorising.subscriptions.add_command(mailing.suppress)
authorising.subscriptions.add_command(mailing.suppression_lists)
channels.channel.add_command(shops.secret)
channels.channel.add_command(shops.mapping)
channels.channel.add_command(service.mailbox)
channels.channel.add_command(service.pull_now)
installation.staff.add_command(signing.staff_link)
installation.staff.add_command(signing.staff_code)
installation.staff.add_command(signing.staff_sign_on)
for part in (
    posts.staff_move,
    posts.staff_close,
    posts.staff_reopen,
    posts.staff_changes,
    posts.staff_let,
    posts.staff_refuse,
):
    installation.staff.add_command(part)
for entry in (
    installation.init,
    installation.up,
    installation.down,
    health.status,
    health.doctor,
    health.jobs_,
    demonstration.demo,
    installation.database,
    installation.backup,
    installation.restore,
    installation.keys,
    installation.controller,
    channels.channel,
    service.contact,
    installation.staff,
    installation.token,
    installation.outbox,
    collecting.import_,
    collecting.quarantine,
    linking.resolve,
    linking.sources,
    linking.unmerge,
    classifying.classify,
    weights.weights,
    desk.find,
    desk.show,
    desk.explain,
    desk.match,
    authorising.consent,
    authorising.subscriptions,
    desk.restrict,
    desk.object_,
    desk.optout,
    desk.deceased,
    rights.hold,
    rights.erase,
    rights.export,
    leaving.exports,
    authorities.authority,
    rights.residue,
    rights.request,
    rights.incident,
    correcting.correct,
    evidence.ledger,
    governing.policies,
    governing.laws,
    register.purposes,
    register.notices,
    supplying.source,
    access.agreement,
    access.training,
    access.access,
    access.grant,
    watching.watch,
    cases.case,
    quotas.quota,
    posts.owners,
    posts.roles,
    quality.quality,
    quality.verification,
    quality.bounce,
    traits.traits,
):
    main.add_command(entry)


if __name__ == "__main__":
    main()
