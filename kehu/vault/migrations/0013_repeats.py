"""A row that another import brought once more, with nothing new in it: should the first be taken back, its record is that one's.

One such import for each record is enough; of a file that is read every night the others say no more.
"""

from django.db import migrations

SQL = """
create table record_repeat (
    subject uuid not null,
    record uuid not null,
    batch uuid not null,                -- the import that brought the same row
    primary key (subject, record)
);
comment on table record_repeat is 'imports that brought the row of a record once more: no value, gone with the record';
"""


class Migration(migrations.Migration):
    dependencies = [("vault", "0012_laws_by_record")]
    operations = [migrations.RunSQL(SQL, "drop table record_repeat")]
