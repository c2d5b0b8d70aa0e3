"""Each tile's root beside its hashes: a proof reads them instead of hashing up to 65,000 nodes again."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("guard", "0008_forgotten_uses")]
    operations = [
        migrations.RunSQL(
            # null in tiles of before: they are hashed as ever
            "alter table ledger_tile add root bytea check (root is null or octet_length(root) = 32)",
            "alter table ledger_tile drop root",
        )
    ]
