"""Lists that leave the house: who asked, who let them go, that each ran once, and by what a leaked copy is known."""

from django.db import migrations

SQL = """
create table leaving (
    id uuid primary key,
    purpose smallint not null,
    fields text[] not null,
    recipient text not null check (recipient <> ''),
    recipient_kind text not null check (recipient_kind in ('processor', 'controller', 'sale')),
    country text not null check (country ~ '^([A-Z]{2})?$'),
    kind text not null,                 -- whom it narrows down to; nothing of this is a personal value
    pack text not null,
    consent text not null,
    customers integer not null check (customers >= 0),
    asked_by uuid not null,
    asked_at timestamptz not null default clock_timestamp(),
    decided_by uuid check (decided_by <> asked_by),
    decided_at timestamptz check ((decided_at is null) = (decided_by is null)),
    approved boolean check ((approved is null) = (decided_by is null)),
    ran_at timestamptz,
    rows integer,
    sha256 bytea
);
create index leaving_asked_at on leaving (asked_at);

create table leaving_canary (
    mark bytea primary key check (octet_length(mark) = 32),  -- keyed digest of a value that stands in one copy only
    leaving uuid not null references leaving (id)
);

create function check_leaving() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if old.ran_at is not null and new.ran_at is distinct from old.ran_at then
        raise exception 'it ran already' using errcode = 'check_violation';
    end if;
    if old.decided_by is not null and (new.decided_by, new.approved) is distinct from (old.decided_by, old.approved) then
        raise exception 'it is decided already' using errcode = 'check_violation';
    end if;
    if (new.purpose, new.fields, new.recipient, new.recipient_kind, new.country, new.kind, new.pack, new.consent,
        new.customers, new.asked_by, new.asked_at) is distinct from (old.purpose, old.fields, old.recipient,
        old.recipient_kind, old.country, old.kind, old.pack, old.consent, old.customers, old.asked_by, old.asked_at) then
        raise exception 'what was asked stands' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger leaving_once before update on leaving for each row execute function check_leaving();
revoke delete, truncate on leaving, leaving_canary from kehu_app;
revoke update on leaving_canary from kehu_app;
"""


class Migration(migrations.Migration):
    dependencies = [("guard", "0011_comparisons")]
    operations = [migrations.RunSQL(SQL, "drop table leaving_canary; drop table leaving; drop function check_leaving")]
