"""An edit names the records whose value it says again or takes the place of, so that it can leave with the last of them."""

from django.db import migrations

SQL = """
alter table record add column follows uuid[];
comment on column record.follows is
    'of an edit: the records of its subject that said the value; null: it stays whatever leaves, as those from before this was noted';
"""


class Migration(migrations.Migration):
    dependencies = [("vault", "0015_suppression_by_certificate")]
    operations = [migrations.RunSQL(SQL, "alter table record drop column follows")]
