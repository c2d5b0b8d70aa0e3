"""Each record says which laws and which age band it brought, so that what is left of a customer says it without the others."""

from django.db import migrations

SQL = """
alter table record add column packs smallint, add column age smallint;
comment on column record.packs is
    'law packs that came with it, as bits; with age, the band: null of records from before this was noted, and of edits';
"""
UNDO = "alter table record drop column packs, drop column age"


class Migration(migrations.Migration):
    dependencies = [("vault", "0011_recent_records")]
    operations = [migrations.RunSQL(SQL, UNDO)]
