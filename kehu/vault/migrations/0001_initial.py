"""Sealed storage: keys apart, one immutable row per record, one ciphertext per (record, category)."""

from django.db import migrations

SQL = """
create table subject_key (
    subject uuid primary key,
    epoch integer not null,
    wrapped bytea not null,
    salt bytea not null check (octet_length(salt) = 32)      -- ledger commitments; dies with the key
);
create index subject_key_epoch on subject_key (epoch);

create table key_epoch (
    epoch integer primary key,
    began_at timestamptz not null default clock_timestamp(),
    retired_at timestamptz,
    destroyed_at timestamptz
);

create table record (
    subject uuid not null,              -- origin subject: owns the key
    id uuid not null,
    kind smallint not null check (kind between 1 and 5),   -- 1 person 2 organisation 3 order 4 interaction 5 edit
    channel smallint not null,
    controller smallint not null,
    basis smallint not null,
    notice smallint not null,
    batch uuid,                         -- the import that brought it
    hidden boolean not null default false,  -- that import was taken back
    content bytea not null,             -- keyed digest of what came
    tokens bigint[] not null default '{}',  -- blind index
    primary key (subject, id)
);
create index record_tokens on record using gin (tokens);
create index record_batch on record (batch);

create table facet (
    subject uuid not null,
    record uuid not null,
    category smallint not null check (category between 1 and 7),
    version smallint not null,
    sealed bytea not null,
    primary key (subject, record, category)
);

-- (channel, external id) or an event's own key, as a keyed token: the first exact key
create table source_key (
    token bytea primary key,
    subject uuid not null,
    record uuid not null,               -- the newest record under this key
    content bytea not null
);
create index source_key_subject on source_key (subject);

-- national or registration number together with name or birth date, keyed: the second exact key
create table identity_key (
    token bytea not null,
    subject uuid not null,
    primary key (token, subject)
);
create index identity_key_subject on identity_key (subject);

-- which origin subjects belong together: append-only, merge and un-merge write only here
create table assignment (
    seq bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    act smallint not null check (act in (1, 2)),       -- 1 link, 2 unlink
    subject uuid not null,
    other uuid not null check (other <> subject),
    certainty smallint not null check (certainty in (1, 2, 3)),  -- 1 exact key 2 confirmed 3 probable
    why smallint not null,
    run uuid,                           -- import or linkage that did it
    by uuid not null
);
create index assignment_subject on assignment (subject);
create index assignment_other on assignment (other);
create index assignment_run on assignment (run);

-- what an erasure leaves: enough to keep the person from coming back by a replay, an old source or a backup
create table tombstone (
    token bytea primary key,
    at timestamptz not null default clock_timestamp(),
    certificate uuid not null
);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end $$;
create trigger assignment_append_only before update or delete or truncate on assignment
    for each statement execute function refuse_change();
revoke update, delete, truncate on assignment from kehu_app;
"""


class Migration(migrations.Migration):
    dependencies = [("govern", "0002_subject_state")]
    operations = [migrations.RunSQL(SQL, migrations.RunSQL.noop)]
