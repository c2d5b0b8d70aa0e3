"""A record names the registered source it came from, where that was not the customer: the gate reads it with each value."""

from django.db import migrations

SQL = """
alter table record add column supplier smallint;
comment on column record.supplier is
    'govern_source; 0 a third party, -1 a public place that is in no register; null: from the customer';
create index record_supplier on record (supplier) where supplier is not null;
"""


class Migration(migrations.Migration):
    dependencies = [("vault", "0007_when_it_was_said"), ("govern", "0011_sources")]
    operations = [migrations.RunSQL(SQL, "alter table record drop column supplier")]
