"""The links of a run are taken back some at a time, in the order of their subjects."""

from django.db import migrations

SQL = "create index assignment_run_subject on assignment (run, subject); drop index assignment_run"
UNDO = "create index assignment_run on assignment (run); drop index assignment_run_subject"


class Migration(migrations.Migration):
    dependencies = [("vault", "0016_edits_name_what_they_follow")]
    operations = [migrations.RunSQL(SQL, UNDO)]
