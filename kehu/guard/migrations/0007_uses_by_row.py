"""The look-up in the order of the rows, too: a block range index costs an insert nothing and finds a stretch of time."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("guard", "0006_guest_letters")]
    operations = [
        migrations.RunSQL(
            "create index ledger_use_seq on ledger_use using brin (seq) with (autosummarize = on)",
            "drop index ledger_use_seq",
        )
    ]
