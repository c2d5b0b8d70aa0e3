"""A record names its own key and an identity key names its record, so that an import can be taken back exactly."""

from django.db import migrations

SQL = """
alter table record add column source bytea;     -- the token under which it came; null for edits
alter table identity_key add column record uuid not null;
alter table identity_key drop constraint identity_key_pkey, add primary key (token, subject, record);
"""


class Migration(migrations.Migration):
    dependencies = [("vault", "0002_epoch_grace")]
    operations = [migrations.RunSQL(SQL, migrations.RunSQL.noop)]
