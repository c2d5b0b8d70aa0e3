"""All that policies read of a subject, in one row: a read locks it, so nothing slips between decision and record."""

from django.db import migrations

SQL = """
create table subject_state (
    subject uuid primary key,
    customer uuid not null,             -- oldest origin subject of the customer it belongs to now
    core uuid not null,                 -- oldest origin subject of its certain part (exact keys, or confirmed)
    kind smallint not null check (kind in (1, 2)),            -- 1 person, 2 organisation
    controller smallint not null,
    packs smallint not null,            -- law packs that apply, as bits
    age smallint not null default 0 check (age between 0 and 5),  -- band; 0 unknown
    guardian boolean not null default false,
    restricted boolean not null default false,
    opted_out boolean not null default false,
    gpc boolean not null default false,
    deceased boolean not null default false,
    kept boolean not null default false,          -- an erasure waits on a hold
    held boolean not null default false,          -- a hold on the whole subject
    held_categories smallint not null default 0,  -- bits of categories under hold
    hidden boolean not null default false,        -- its import was taken back
    objections smallint[] not null default '{}',
    consents jsonb not null default '{}'   -- purpose id -> [status, kind, until (epoch seconds) or null, purpose version]
);
create index subject_state_customer on subject_state (customer);
comment on table subject_state is 'all that policies read of a subject, locked FOR SHARE by every read';
"""


class Migration(migrations.Migration):
    dependencies = [("govern", "0001_initial")]
    operations = [migrations.RunSQL(SQL, "drop table subject_state")]
