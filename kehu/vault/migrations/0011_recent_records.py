"""What came last is found without reading everything: ids are made by time, so ranges of the table are ranges of time.

A record that is hidden later is written anew at the end of the table; an index that keeps several ranges a page bears that.
"""

from django.db import migrations

SQL = "create index record_recent on record using brin (id uuid_minmax_multi_ops) with (autosummarize = on)"
UNDO = "drop index record_recent"


class Migration(migrations.Migration):
    dependencies = [("vault", "0010_kept_apart")]
    operations = [migrations.RunSQL(SQL, UNDO)]
