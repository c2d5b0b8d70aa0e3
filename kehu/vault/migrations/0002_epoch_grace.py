"""When the last key left an epoch: its epoch key is destroyed a while after that, for reads still in flight."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("vault", "0001_initial")]
    operations = [
        migrations.RunSQL("alter table key_epoch add column emptied_at timestamptz", migrations.RunSQL.noop),
    ]
