"""When something of a customer last came in, or they last agreed to something: what retention counts from."""

from django.db import migrations

# A default of its own day needs no rewrite of the table, and bulk loads need not write it.
SQL = """
alter table subject_state add column last_act date not null default current_date;
comment on column subject_state.last_act is
    'day (UTC) on which something of theirs last came in, or they last agreed: the retention of a purpose counts from it';
"""


class Migration(migrations.Migration):
    dependencies = [("govern", "0008_notice_seen")]
    operations = [migrations.RunSQL(SQL, "alter table subject_state drop column last_act")]
