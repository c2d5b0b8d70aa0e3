"""A record may carry its sender's own time: what comes late does not count for newer than what came before it."""

from django.db import migrations

SQL = """
alter table record add column said_at timestamptz;   -- when its sender says it was so; null: when it came (its id)
"""


class Migration(migrations.Migration):
    dependencies = [("vault", "0006_settle_tokens")]
    operations = [migrations.RunSQL(SQL, migrations.RunSQL.noop)]
