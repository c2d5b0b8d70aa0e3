"""The band that somebody said of themselves stands by itself: it outlives an import that is taken back."""

from django.db import migrations

SQL = """
alter table subject_state add column young smallint not null default 0 check (young between 0 and 4);
comment on column subject_state.young is 'band of the young that they said of themselves; 0: nothing was said';
"""
UNDO = "alter table subject_state drop column young"


class Migration(migrations.Migration):
    dependencies = [("govern", "0016_guardians")]
    operations = [migrations.RunSQL(SQL, UNDO)]
