"""Single sign-on, links made by a manager, and the language that mail to an account is written in."""

from django.db import migrations, models

SQL = """
alter table guard_staff add column joined_at timestamptz;   -- when somebody first came in whole, or chose a password
update guard_staff set joined_at = clock_timestamp() where role <> 'owner';   -- who is here already counts as joined
create function somebody_joined() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    update guard_staff set joined_at = clock_timestamp() where id = new.staff and joined_at is null;
    return null;
end $$;
create trigger staff_session_joined after insert or update of whole_at on staff_session
    for each row when (new.whole_at is not null) execute function somebody_joined();
create trigger staff_link_joined after update of used_at on staff_link
    for each row when (new.used_at is not null) execute function somebody_joined();

alter table staff_session
    add provider_factor boolean not null default false,  -- the provider's second factor let it in, and confirms it
    add provider_session bytea;                          -- keyed digest of the provider's session, null: a password's
create index staff_session_provider on staff_session (provider_session) where provider_session is not null;

create table staff_sign_on (                -- an account that may come in by single sign-on
    staff uuid primary key references guard_staff (id) on delete cascade,
    allowed_by uuid not null references guard_staff (id),
    allowed_at timestamptz not null default clock_timestamp(),
    identity bytea unique check (octet_length(identity) = 32),     -- keyed digest of issuer and subject
    linked_at timestamptz,
    check ((identity is null) = (linked_at is null)),
    check (allowed_by <> staff)
);
create function sign_on_is_allowed_by_the_office() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if tg_op = 'INSERT' and not exists (select 1 from guard_staff s where s.id = new.allowed_by and s.is_active
            and s.role in ('privacy', 'owner')) then
        raise exception 'the role does not allow it' using errcode = 'check_violation';
    end if;
    if tg_op = 'UPDATE' and (old.identity is not null or new.staff <> old.staff or new.allowed_by <> old.allowed_by) then
        raise exception 'it is linked once' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger staff_sign_on_counts before insert or update on staff_sign_on
    for each row execute function sign_on_is_allowed_by_the_office();

-- whoever leaves comes in by it no more, and again only when it is allowed anew
create function leaving_ends_sign_on() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    delete from staff_sign_on where staff = new.id;
    return null;
end $$;
create trigger guard_staff_sign_on after update of is_active on guard_staff
    for each row when (old.is_active and not new.is_active) execute function leaving_ends_sign_on();

create table staff_sign_on_way (            -- somebody who was sent to the provider and is not back yet
    id uuid primary key,
    issuer text not null,
    credential uuid references actor_state (actor) on delete cascade,   -- who confirms; null: somebody comes in
    next text not null,                                                 -- a path of this site
    started_at timestamptz not null default clock_timestamp()
);

alter table staff_link add column made_by uuid references guard_staff (id);
create function link_comes_from_above() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if not exists (
        select 1 from guard_staff m, guard_staff p
        where m.id = new.made_by and p.id = new.staff and m.id <> p.id and m.is_active and p.is_active
            and p.role <> 'owner' and (
                m.role = 'owner'
                or m.role = 'privacy' and p.role in ('manager', 'marketing', 'service', 'analyst', 'engineer')
                or m.role = 'manager' and p.role in ('marketing', 'service', 'analyst', 'engineer')
                    and m.department_id = p.department_id and p.joined_at is null)
    ) then
        raise exception 'the role makes no link for this account' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger staff_link_from_above before insert on staff_link
    for each row execute function link_comes_from_above();
"""
BACK = """
drop trigger staff_link_from_above on staff_link; drop function link_comes_from_above();
alter table staff_link drop column made_by;
drop table staff_sign_on_way;
drop trigger guard_staff_sign_on on guard_staff; drop function leaving_ends_sign_on();
drop table staff_sign_on; drop function sign_on_is_allowed_by_the_office();
alter table staff_session drop column provider_session, drop column provider_factor;
drop trigger staff_link_joined on staff_link; drop trigger staff_session_joined on staff_session;
drop function somebody_joined();
alter table guard_staff drop column joined_at;
"""


class Migration(migrations.Migration):
    dependencies = [("guard", "0023_cases")]
    operations = [
        migrations.AddField("staff", "language", models.CharField(blank=True, db_default="", max_length=8)),
        migrations.RunSQL(SQL, BACK),
    ]
