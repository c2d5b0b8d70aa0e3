"""Whom a birth date put right on another origin subject made older is known, so that they are judged anew once parted."""

from django.db import migrations

SQL = """
alter table subject_state add column freed_from smallint check (freed_from between 0 and 4), add column freed_by uuid[],
    add constraint freed_from_a_band_by_somebody check ((freed_from is null) = (freed_by is null));
comment on column subject_state.freed_from is 'band before birth dates put right on others of the certain part made them older';
comment on column subject_state.freed_by is 'those others';
"""
UNDO = "alter table subject_state drop column freed_from, drop column freed_by"


class Migration(migrations.Migration):
    dependencies = [("govern", "0019_informed_taken_back")]
    operations = [migrations.RunSQL(SQL, UNDO)]
