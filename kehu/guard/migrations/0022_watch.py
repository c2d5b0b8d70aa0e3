"""The watch: what staff did in each hour and day as counts, what is usual for them, marks of customers, and alerts.

All of it is made from the ledger and names rows by number; no table holds a value of a customer. What an alert may become
is settled here: it only grows, nobody handles one about themselves, and a closed one stays as it was closed.
"""

from django.db import migrations

SQL = """
create table watch_position (               -- one row: how far the ledger has been looked at
    one boolean primary key default true check (one),
    leaf bigint not null default 0 check (leaf >= 0),   -- leaves before this one are done, in the order they were hashed
    seq bigint not null default 0,          -- the ledger's row of the last of them
    at timestamptz not null default clock_timestamp(),  -- of the last look
    taught_on date                          -- the last day on which what is usual was learnt
);
insert into watch_position default values;

create table watch_hour (
    human uuid not null references guard_staff (id),
    hour timestamptz not null,
    day date not null,                      -- where the person works
    role text not null,
    purposes smallint[] not null default '{}',
    rows integer not null check (rows >= 0),
    opened integer not null check (opened >= 0),        -- different customers, one at a time
    first_seen integer not null check (first_seen >= 0),    -- of these, not opened earlier that day
    listed integer not null check (listed >= 0),        -- different customers on pages of lists
    refused integer not null check (refused >= 0),      -- rows that showed nothing
    off_hours integer not null check (off_hours >= 0),  -- customers opened off duty
    primary key (human, hour)
);
create index watch_hour_day on watch_hour (day);

create table watch_day (
    human uuid not null references guard_staff (id),
    day date not null,
    role text not null,
    department smallint not null,
    rows integer not null check (rows >= 0),
    opened integer not null check (opened >= 0),
    once integer not null check (once >= 0),            -- customers looked at a single time
    places integer not null check (places >= 0),        -- segments (law, age, kind, month of arrival) they came from
    listed integer not null check (listed >= 0),
    refused integer not null check (refused >= 0),      -- different customers, or different questions, refused
    off_hours integer not null check (off_hours >= 0),
    walked integer not null check (walked >= 0),        -- neighbours in the order of arrival, opened in that order
    taught boolean not null default false,  -- what is usual has learnt from it
    primary key (human, day)
);
create index watch_day_day on watch_day (day);
create index watch_day_untaught on watch_day (day) where not taught;

create table watch_baseline (               -- usual for a person; counts as logarithms
    human uuid not null references guard_staff (id),
    measure text not null check (measure ~ '^[a-z]+(-[a-z0-9]+)+$'),
    n integer not null check (n > 0),
    mean double precision not null,
    spread double precision not null check (spread >= 0),
    at timestamptz not null default clock_timestamp(),
    primary key (human, measure)
);
create table watch_role_baseline (          -- and for everybody of a role
    role text not null,
    measure text not null check (measure ~ '^[a-z]+(-[a-z0-9]+)+$'),
    n integer not null check (n > 0),
    mean double precision not null,
    spread double precision not null check (spread >= 0),
    at timestamptz not null default clock_timestamp(),
    primary key (role, measure)
);

create table watch_mark (
    id uuid primary key default gen_random_uuid(),
    subject uuid not null,
    kind smallint not null check (kind between 1 and 3),    -- 1 colleague, 2 vip, 3 honey
    staff uuid references guard_staff (id) check (staff is null or kind = 1),   -- who the colleague is
    marked_by uuid not null references guard_staff (id),
    at timestamptz not null default clock_timestamp(),
    ended_by uuid references guard_staff (id) check (ended_by <> staff),    -- nobody unmarks themselves
    ended_at timestamptz,
    check ((ended_by is null) = (ended_at is null))
);
create unique index watch_mark_one on watch_mark (subject, kind) where ended_at is null;
create index watch_mark_subject on watch_mark (subject);

create table watch_alert (
    id uuid primary key default gen_random_uuid(),
    number bigint generated always as identity unique,
    kind smallint not null check (kind between 1 and 11),
    severity smallint not null check (severity between 1 and 3),
    human uuid not null references guard_staff (id),
    department smallint not null,
    day date not null,
    opened_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    count integer not null check (count > 0),
    evidence jsonb not null check (jsonb_typeof(evidence) = 'object'),  -- counts, times, numbers of ledger rows
    state smallint not null default 0 check (state between 0 and 3),    -- 0 open, 1 taken, 2 dismissed, 3 a case
    owner uuid references guard_staff (id) check (owner <> human),
    taken_at timestamptz,
    closed_at timestamptz,
    closed_by uuid references guard_staff (id) check (closed_by <> human),
    reason text check (length(reason) between 10 and 500),
    mailed_at timestamptz,
    posted_at timestamptz,
    told_at timestamptz,                    -- by every way that is set up
    check ((state >= 2) = (closed_at is not null) and (closed_at is null) = (closed_by is null)),
    check (state <> 1 or owner is not null),
    check ((state = 2) = (reason is not null))
);
-- one alert that grows, not a flood
create unique index watch_alert_one on watch_alert (human, kind, day) where state < 2;
create index watch_alert_human on watch_alert (human, day);
create index watch_alert_untold on watch_alert (opened_at) where told_at is null;

create function check_watch_alert() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        new.state := 0; new.owner := null; new.taken_at := null; new.closed_at := null; new.closed_by := null;
        new.reason := null; new.mailed_at := null; new.posted_at := null; new.told_at := null;
        new.opened_at := clock_timestamp(); new.updated_at := new.opened_at;
        return new;
    end if;
    if (new.id, new.number, new.kind, new.human, new.department, new.day, new.opened_at)
        is distinct from (old.id, old.number, old.kind, old.human, old.department, old.day, old.opened_at)
        or old.mailed_at is not null and new.mailed_at is distinct from old.mailed_at
        or old.posted_at is not null and new.posted_at is distinct from old.posted_at
        or old.told_at is not null and new.told_at is distinct from old.told_at then
        raise exception 'what an alert is about stays' using errcode = 'check_violation';
    end if;
    if new.severity < old.severity or new.count < old.count then
        raise exception 'an alert only grows' using errcode = 'check_violation';
    end if;
    if old.state >= 2 and (new.state, new.severity, new.count, new.evidence, new.owner, new.taken_at, new.closed_at,
        new.closed_by, new.reason) is distinct from (old.state, old.severity, old.count, old.evidence, old.owner,
        old.taken_at, old.closed_at, old.closed_by, old.reason) then
        raise exception 'a closed alert stays closed' using errcode = 'check_violation';
    end if;
    if new.state < old.state or old.owner is not null and new.owner is null then
        raise exception 'an alert goes forward only' using errcode = 'check_violation';
    end if;
    if new.owner is distinct from old.owner then
        new.taken_at := clock_timestamp();
    end if;
    if new.state >= 2 and old.state < 2 then
        new.closed_at := clock_timestamp();
    end if;
    if exists (select 1 from (values (new.owner, old.owner), (new.closed_by, old.closed_by)) w (now, before)
        where w.now is distinct from w.before and not exists (select 1 from guard_staff s where s.id = w.now
            and s.is_active and s.role in ('privacy', 'auditor', 'owner'))) then
        raise exception 'the role handles no alerts' using errcode = 'check_violation';
    end if;
    if (new.severity, new.count, new.evidence, new.state, new.owner)
        is distinct from (old.severity, old.count, old.evidence, old.state, old.owner) then
        new.updated_at := clock_timestamp();
    end if;
    return new;
end $$;
create trigger watch_alert_hands before insert or update on watch_alert
    for each row execute function check_watch_alert();

-- It leaves three years after it was closed, never before.
create function refuse_early() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if tg_op = 'TRUNCATE' or old.closed_at is null or old.closed_at > clock_timestamp() - interval '1095 days' then
        raise exception 'an alert stays three years' using errcode = 'insufficient_privilege';
    end if;
    return old;
end $$;
create trigger watch_alert_stays before delete on watch_alert for each row execute function refuse_early();
create trigger watch_alert_stays_whole before truncate on watch_alert
    for each statement execute function refuse_early();
create function forget_closed_alerts() returns bigint language sql security definer
    set search_path = public, pg_temp as $$
    with gone as (delete from watch_alert where closed_at < clock_timestamp() - interval '1095 days' returning 1)
    select count(*) from gone
$$;

create function check_watch_mark() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if not exists (select 1 from guard_staff s where s.id = case tg_op when 'INSERT' then new.marked_by else new.ended_by end
        and s.is_active and s.role in ('privacy', 'auditor', 'owner')) then
        raise exception 'the role sets no marks' using errcode = 'check_violation';
    end if;
    if tg_op = 'INSERT' then
        new.ended_by := null; new.ended_at := null;
        return new;
    end if;
    if (new.id, new.subject, new.kind, new.staff, new.marked_by, new.at)
        is distinct from (old.id, old.subject, old.kind, old.staff, old.marked_by, old.at) or old.ended_at is not null then
        raise exception 'a mark is ended, not changed' using errcode = 'check_violation';
    end if;
    new.ended_at := clock_timestamp();
    return new;
end $$;
create trigger watch_mark_hands before insert or update on watch_mark for each row execute function check_watch_mark();

create table watch_delivery (               -- how each way of telling fares
    medium text primary key check (medium in ('mail', 'webhook')),
    succeeded_at timestamptz,
    failing_since timestamptz,
    failure text check (failure ~ '^[A-Za-z0-9 .-]{1,60}$')     -- a class or a status, never a message
);

revoke all on watch_position, watch_hour, watch_day, watch_baseline, watch_role_baseline, watch_mark, watch_alert,
    watch_delivery from kehu_app, kehu_sequencer, public;
grant select, update on watch_position to kehu_app;
grant select, insert, update, delete on watch_hour, watch_day, watch_baseline, watch_role_baseline to kehu_app;
grant select, insert (subject, kind, staff, marked_by), update (ended_by, ended_at), delete on watch_mark to kehu_app;
grant select, insert (kind, severity, human, department, day, count, evidence),
    update (severity, count, evidence, state, owner, closed_by, reason, mailed_at, posted_at, told_at)
    on watch_alert to kehu_app;
grant select, insert, update on watch_delivery to kehu_app;
revoke all on function forget_closed_alerts() from public;
grant execute on function forget_closed_alerts() to kehu_app;
"""
BACK = """
drop table watch_delivery; drop table watch_alert; drop table watch_mark; drop table watch_role_baseline;
drop table watch_baseline; drop table watch_day; drop table watch_hour; drop table watch_position;
drop function forget_closed_alerts(); drop function refuse_early(); drop function check_watch_alert();
drop function check_watch_mark();
"""


class Migration(migrations.Migration):
    dependencies = [("guard", "0022_authorities")]
    operations = [migrations.RunSQL(SQL, BACK)]
