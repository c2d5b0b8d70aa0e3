"""Each quarter somebody looks after an account's access: kept, or taken away; not looked at, it is off."""

from django.db import migrations

SQL = """
alter table guard_staff add column kept_until timestamptz not null default clock_timestamp() + interval '92 days';
alter table actor_state add column kept_until timestamptz;
update actor_state a set kept_until = case when a.role = 'owner' then 'infinity'
    else (select s.kept_until from guard_staff s where s.id = a.staff) end;

create table access_kept (
    number bigint generated always as identity primary key,
    staff uuid not null references guard_staff (id),
    reviewed_by uuid not null references guard_staff (id),
    kept boolean not null,
    at timestamptz not null default clock_timestamp(),
    check (reviewed_by <> staff)
);
create index access_kept_staff on access_kept (staff, number);

create function review_access() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if not exists (select 1 from guard_staff s where s.id = new.reviewed_by and s.is_active
        and s.role in ('manager', 'privacy', 'legal', 'owner')) then
        raise exception 'the role does not review' using errcode = 'check_violation';
    end if;
    update guard_staff set kept_until = clock_timestamp() + case when new.kept then interval '92 days' else interval '0' end
        where id = new.staff;
    return new;
end $$;
create trigger access_kept_counts before insert on access_kept for each row execute function review_access();

create function credential_is_kept() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    new.kept_until := case when new.role = 'owner' then 'infinity'::timestamptz
        else (select s.kept_until from guard_staff s where s.id = new.staff) end;
    return new;
end $$;
create trigger actor_state_kept before insert on actor_state for each row execute function credential_is_kept();

create function review_reaches_credentials() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    update actor_state set kept_until = new.kept_until where staff = new.id and role <> 'owner';
    return null;
end $$;
create trigger guard_staff_kept after update of kept_until on guard_staff
    for each row execute function review_reaches_credentials();

create trigger access_kept_append_only before update or delete or truncate on access_kept
    for each statement execute function refuse_change();
revoke all on access_kept from kehu_app, kehu_sequencer, public;
grant select, insert (staff, reviewed_by, kept) on access_kept to kehu_app;
"""
BACK = """
drop trigger guard_staff_kept on guard_staff; drop function review_reaches_credentials();
drop trigger actor_state_kept on actor_state; drop function credential_is_kept();
drop table access_kept; drop function review_access();
alter table actor_state drop column kept_until; alter table guard_staff drop column kept_until;
"""


class Migration(migrations.Migration):
    dependencies = [("guard", "0020_duties")]
    operations = [migrations.RunSQL(SQL, BACK)]
