"""Access for a while: asked for by one person, let through by another, over by itself; and the glass that is broken.

The gate reads a grant's row under lock in its own statement, so what ends it acts on the next read. Who may write what
of that row is settled here, whatever a program does: nobody approves their own, a time only ever ends sooner.
"""

from django.db import migrations

SQL = """
create table access_grant (
    id uuid primary key,
    staff uuid not null references guard_staff (id),
    purpose smallint not null,
    fields text[] not null check (cardinality(fields) > 0),
    subjects uuid[] check (cardinality(subjects) between 1 and 1000),  -- customers, by any of their ids; null: a segment
    packs smallint check (packs > 0),       -- the segment: under one of these laws, and of one of these ages
    ages smallint[] check (cardinality(ages) > 0),
    minutes integer not null check (minutes between 1 and 480),
    reason bytea not null,                  -- sealed under a key of its own
    emergency text check (emergency in ('vital', 'security', 'claims')),
    asked_at timestamptz not null default clock_timestamp(),
    decided_by uuid references guard_staff (id),
    decided_at timestamptz,
    approved boolean,
    until timestamptz,
    ended_by uuid references guard_staff (id),
    ended_at timestamptz,
    check ((subjects is null) = (packs is not null or ages is not null)),
    check (decided_by <> staff),
    check (approved is not true or until is not null)
);
create index access_grant_staff on access_grant (staff, asked_at);
create index access_grant_waiting on access_grant (asked_at) where approved is null;

create function begin_access_grant() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    new.asked_at := clock_timestamp();
    new.decided_by := null; new.decided_at := null; new.ended_by := null; new.ended_at := null;
    new.approved := null; new.until := null;
    if new.emergency is not null then   -- at once, and short
        new.minutes := least(new.minutes, 30);
        new.approved := true;
        new.until := new.asked_at + new.minutes * interval '1 minute';
    end if;
    return new;
end $$;
create trigger access_grant_begins before insert on access_grant for each row execute function begin_access_grant();

create function decide_access_grant() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if (new.id, new.staff, new.purpose, new.fields, new.subjects, new.packs, new.ages, new.minutes, new.emergency,
        new.asked_at, new.reason) is distinct from (old.id, old.staff, old.purpose, old.fields, old.subjects, old.packs,
        old.ages, old.minutes, old.emergency, old.asked_at, old.reason) then
        raise exception 'what was asked for stays' using errcode = 'check_violation';
    end if;
    if old.approved is not null then
        if (new.approved, new.decided_by, new.decided_at, new.until)
            is distinct from (old.approved, old.decided_by, old.decided_at, old.until) then
            raise exception 'decided once' using errcode = 'check_violation';
        end if;
    elsif new.approved is not null then
        if new.decided_by is null or new.decided_by = new.staff then
            raise exception 'another person decides' using errcode = 'check_violation';
        end if;
        if new.approved and not exists (select 1 from guard_staff s where s.id = new.decided_by and s.is_active
            and s.role in ('manager', 'legal', 'owner')) then
            raise exception 'the role does not let through' using errcode = 'check_violation';
        end if;
        new.decided_at := clock_timestamp();
        new.until := case when new.approved then new.decided_at + new.minutes * interval '1 minute' end;
    end if;
    if old.ended_at is not null and (new.ended_at, new.ended_by) is distinct from (old.ended_at, old.ended_by) then
        raise exception 'ended once' using errcode = 'check_violation';
    elsif new.ended_by is distinct from old.ended_by or new.ended_at is distinct from old.ended_at then
        new.ended_at := clock_timestamp();
    end if;
    return new;
end $$;
create trigger access_grant_decided before update on access_grant for each row execute function decide_access_grant();

-- A glass broken is looked at afterwards, by another person.
create table access_review (
    grant_id uuid primary key references access_grant (id),
    reviewed_by uuid not null references guard_staff (id),
    justified boolean not null,
    at timestamptz not null default clock_timestamp()
);
create function check_access_review() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if not exists (select 1 from access_grant g where g.id = new.grant_id and g.emergency is not null
        and g.staff <> new.reviewed_by) then
        raise exception 'another person reviews' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger access_review_second_person before insert on access_review
    for each row execute function check_access_review();
create trigger access_review_append_only before update or delete or truncate on access_review
    for each statement execute function refuse_change();

alter table actor_state add column grant_id uuid;   -- the grant a credential was made to use

revoke all on access_grant, access_review from kehu_app, kehu_sequencer, public;
grant select on access_grant, access_review to kehu_app;
grant insert (id, staff, purpose, fields, subjects, packs, ages, minutes, reason, emergency) on access_grant to kehu_app;
grant update (decided_by, approved, ended_by, ended_at) on access_grant to kehu_app;
grant insert (grant_id, reviewed_by, justified) on access_review to kehu_app;
"""
BACK = """
alter table actor_state drop column grant_id;
drop table access_review; drop table access_grant;
drop function check_access_review(); drop function decide_access_grant(); drop function begin_access_grant();
"""


class Migration(migrations.Migration):
    dependencies = [("guard", "0015_access")]
    operations = [migrations.RunSQL(SQL, BACK)]
