"""A letter that was refused stays known for good: its mailbox may bring it again at any time."""

from django.db import migrations

# known beyond today are those that lie in quarantine
SQL = """
update inbox_seen set day = 'infinity' where day > current_date;
comment on column inbox_seen.day is 'from when on it is known for a week; infinity: it was refused, and may come again at any time';
"""


class Migration(migrations.Migration):
    dependencies = [("collect", "0011_how_far_taken_back")]
    operations = [migrations.RunSQL(SQL, migrations.RunSQL.noop)]
