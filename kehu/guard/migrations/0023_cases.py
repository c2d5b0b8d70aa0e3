"""Violation cases: from alert to freeze, hearing, decision, measure and close, by people, each step kept as it was taken.

A case is only ever moved by a row of ``watch_case_step``: the trigger below looks at who takes the step, in which state, and
changes case and account itself. The application has no right to change either table, and deletes a case by
``forget_watch_cases`` alone, which looks at its day.

States: 1 open, 2 told, 3 heard, 4 proposed (waits for a second person), 5 decided, 6 measured, 7 closed.
Steps: 1 joined, 2 frozen, 3 unfrozen, 4 told, 5 answered, 6 heard, 7 decided, 8 confirmed, 9 sent back, 10 measured,
11 incident, 12 closed.
Measures: 1 none, 2 talk, 3 retrain, 4 access narrowed, 5 post changed, 6 employment law, 7 reported to an authority.
"""

from django.db import migrations

SQL = """
alter table guard_staff
    add column retrain_since timestamptz,   -- courses passed before it count no more
    add column frozen_at timestamptz;       -- by a case; whatever a program writes there, it follows the cases

create table watch_case (
    id uuid primary key,                -- its texts are sealed under a key of this name
    number bigint generated always as identity unique,
    human uuid not null references guard_staff (id),
    department smallint not null references guard_department (id),     -- as of the opening
    role text not null,
    opened_by uuid not null references guard_staff (id),
    opened_at timestamptz not null default clock_timestamp(),
    state smallint not null default 1 check (state between 1 and 7),
    frozen_at timestamptz,              -- null: the account is not frozen by this case
    told_at timestamptz,
    answer_by timestamptz,              -- until then the person may answer before anybody goes on without them
    finding smallint check (finding in (1, 2)),        -- 1 no violation, 2 violation
    measures smallint[],
    decided_by uuid references guard_staff (id),
    decided_at timestamptz,
    confirmed_by uuid references guard_staff (id),
    incident uuid,
    closed_at timestamptz,
    keep_until timestamptz,             -- deleted after it
    check (opened_by <> human and decided_by <> human and confirmed_by <> human and confirmed_by <> decided_by),
    check ((finding is null) = (decided_by is null) and (finding is null) = (measures is null)),
    check (state < 4 or finding is not null),
    check ((state = 7) = (closed_at is not null) and (state = 7) = (keep_until is not null))
);
create index watch_case_human on watch_case (human);
create index watch_case_due on watch_case (keep_until) where state = 7;

-- Who complained, whose own data it is about, or who opened it with no alert: they take no further step in it.
create table watch_case_party (
    case_id uuid not null references watch_case (id),
    staff uuid not null references guard_staff (id),
    primary key (case_id, staff)
);

create table watch_case_alert (
    alert uuid primary key references watch_alert (id) on delete cascade,   -- an alert goes into one case
    case_id uuid not null references watch_case (id)
);
create index watch_case_alert_case on watch_case_alert (case_id);

create table watch_case_step (
    id uuid primary key,
    number bigint generated always as identity unique,
    case_id uuid not null references watch_case (id),
    step smallint not null check (step between 1 and 12),
    taken_by uuid not null references guard_staff (id),
    at timestamptz not null default clock_timestamp(),
    way smallint check (way in (1, 2, 3)),      -- of a hearing: 1 in person, 2 in writing, 3 nothing came by its day
    finding smallint,
    measures smallint[],
    detail uuid,                        -- the alert that was joined, or the incident that was opened
    note bytea,                         -- sealed under the case's key
    check ((step = 6) = (way is not null)),
    check ((step = 7) = (finding is not null) and (step = 7) = (measures is not null)),
    check ((step in (1, 11)) = (detail is not null)),
    check (step not in (4, 5, 6, 7, 9) or note is not null)     -- what is told, said, found is said in words
);
create index watch_case_step_case on watch_case_step (case_id, number);

-- By it a person whose account is frozen reads what they are told and answers, once.
create table watch_case_link (
    digest bytea primary key check (octet_length(digest) = 32),
    case_id uuid not null references watch_case (id),
    made_at timestamptz not null default clock_timestamp(),
    until timestamptz not null,
    used_at timestamptz
);

create function begin_watch_case() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    select s.department_id, s.role into new.department, new.role from guard_staff s where s.id = new.human;
    if new.role = 'owner' then
        raise exception 'the owner of the home is nobody''s case' using errcode = 'check_violation', constraint = 'owner';
    end if;
    if not exists (select 1 from guard_staff s where s.id = new.opened_by and s.is_active and s.frozen_at is null
        and s.role in ('privacy', 'legal', 'auditor', 'owner')) then
        raise exception 'the role opens no case' using errcode = 'check_violation', constraint = 'hand';
    end if;
    return new;
end $$;
create trigger watch_case_begins before insert on watch_case for each row execute function begin_watch_case();

create function check_case_party() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if exists (select 1 from watch_case c where c.id = new.case_id and (c.human = new.staff or c.state > 3)) then
        raise exception 'a party is named before the decision, and is another person'
            using errcode = 'check_violation', constraint = 'party';
    end if;
    return new;
end $$;
create trigger watch_case_party_in_time before insert on watch_case_party
    for each row execute function check_case_party();

-- Nobody handles a case about themselves, nor one in which they are a party; who audits opens and freezes, and decides nothing.
create function check_case_hand(held watch_case, step smallint, hand uuid) returns void
    language plpgsql stable set search_path = public, pg_temp as $$
declare
    own text;
begin
    if step = 5 then
        if hand <> held.human then
            raise exception 'the person answers' using errcode = 'check_violation', constraint = 'hand';
        end if;
        return;
    end if;
    select s.role into own from guard_staff s where s.id = hand and s.is_active and s.frozen_at is null;
    if own is null or own = 'legal' and step = 1
        or own not in ('privacy', 'legal', 'owner') and not (own = 'auditor' and step in (1, 2)) then
        raise exception 'the role takes no such step' using errcode = 'check_violation', constraint = 'hand';
    end if;
    if hand = held.human or exists (select 1 from watch_case_party p where p.case_id = held.id and p.staff = hand)
        and not (hand = held.opened_by and step in (1, 2)) then
        raise exception 'nobody handles what is about themselves' using errcode = 'check_violation', constraint = 'party';
    end if;
    if step in (8, 9) and hand = held.decided_by then
        raise exception 'a second person' using errcode = 'check_violation', constraint = 'second';
    end if;
end $$;

-- Somebody of the privacy office has to be left to end it; two last officers may be frozen at the same moment.
create function check_case_freeze(held watch_case) returns void language plpgsql set search_path = public, pg_temp as $$
begin
    perform pg_advisory_xact_lock(hashtextextended('watch:freeze', 0));
    if exists (select 1 from guard_staff s where s.id = held.human and s.role = 'privacy') and not exists (
        select 1 from guard_staff s where s.role = 'privacy' and s.is_active and s.frozen_at is null and s.id <> held.human)
    then
        raise exception 'the last privacy officer' using errcode = 'check_violation', constraint = 'last-privacy';
    end if;
end $$;

-- What a measure does by itself: courses count no more; grants end, and access is off until somebody keeps it again.
create function take_case_measures(held watch_case, hand uuid) returns void
    language plpgsql set search_path = public, pg_temp as $$
begin
    if 3 = any (held.measures) then
        update guard_staff set retrain_since = clock_timestamp(), training_until = least(training_until, clock_timestamp())
            where id = held.human;
    end if;
    if 4 = any (held.measures) then
        update access_grant set ended_by = hand, ended_at = clock_timestamp() where staff = held.human
            and ended_at is null and approved is distinct from false and coalesce(until > clock_timestamp(), true);
        insert into access_kept (staff, reviewed_by, kept) values (held.human, hand, false);
    end if;
end $$;

create function check_case_measures(finding smallint, measures smallint[]) returns void
    language plpgsql immutable set search_path = public, pg_temp as $$
begin
    if cardinality(measures) = 0 or not measures <@ array[1, 2, 3, 4, 5, 6, 7]::smallint[]
        or cardinality(measures) <> (select count(distinct m) from unnest(measures) m)
        or 1 = any (measures) and cardinality(measures) > 1 or finding = 1 and measures <> array[1]::smallint[] then
        raise exception 'measures: none, or some of the others; none where nothing was violated'
            using errcode = 'check_violation', constraint = 'measures';
    end if;
end $$;

create function close_watch_case(held watch_case, now timestamptz) returns timestamptz
    language plpgsql set search_path = public, pg_temp as $$
begin
    if held.state < 5 or held.state = 5 and held.measures <> array[1]::smallint[] then
        raise exception 'measures come first' using errcode = 'check_violation', constraint = 'state';
    end if;
    if held.frozen_at is not null and not 6 = any (held.measures) then
        raise exception 'the account is frozen' using errcode = 'check_violation', constraint = 'frozen';
    end if;
    if 3 = any (held.measures) and exists (select 1 from guard_staff s where s.id = held.human and s.is_active
        and coalesce(s.training_until <= now, true)) then
        raise exception 'the course is to be passed' using errcode = 'check_violation', constraint = 'retrain';
    end if;
    -- a complaint may still come against what was unfounded; of a violation, as long as the ledger's rows
    return now + case held.finding when 1 then interval '184 days' else interval '1096 days' end;
end $$;

create function join_case_alert(held watch_case, joined uuid) returns void
    language plpgsql set search_path = public, pg_temp as $$
begin
    if not exists (select 1 from watch_alert a where a.id = joined and a.human = held.human and a.state = 3) then
        raise exception 'an alert about this person, handed over' using errcode = 'check_violation', constraint = 'alert';
    end if;
    insert into watch_case_alert (alert, case_id) values (joined, held.id);
end $$;

create function take_case_step() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
declare
    held watch_case;
    fits boolean;
begin
    select * into held from watch_case where id = new.case_id for update;
    new.at := clock_timestamp();
    perform check_case_hand(held, new.step, new.taken_by);
    fits := case new.step
        when 1 then held.state <= 3
        when 2 then held.state < 7 and held.frozen_at is null
        when 3 then held.frozen_at is not null     -- also after the case: somebody may be taken back
        when 4 then held.state <= 3
        when 5 then held.told_at is not null and held.state < 7
        when 6 then held.state in (2, 3) and (new.way <> 3 or new.at >= held.answer_by)
        when 7 then held.state = 3
        when 8 then held.state = 4
        when 9 then held.state = 4
        when 10 then held.state = 5 and held.measures <> array[1]::smallint[]
        when 11 then held.state < 7 and held.incident is null
        when 12 then held.state < 7
    end;
    if not fits then
        raise exception 'not the step of this state' using errcode = 'check_violation', constraint = 'state';
    end if;
    case new.step
    when 1 then     -- of what came later the person is told, too, before anybody decides
        perform join_case_alert(held, new.detail);
        held.state := 1;
    when 2 then
        perform check_case_freeze(held);
        held.frozen_at := new.at;
    when 4 then
        held.state := 2;
        held.told_at := new.at;
        held.answer_by := new.at + interval '5 days';
    when 5 then
        held.state := case held.state when 2 then 3 else held.state end;    -- what came since they have not heard of yet
    when 6 then
        held.state := 3;
    when 7 then
        perform check_case_measures(new.finding, new.measures);
        held.finding := new.finding;
        held.measures := new.measures;
        held.decided_by := new.taken_by;
        held.decided_at := new.at;
        held.state := case when new.measures && array[5, 6, 7]::smallint[] then 4 else 5 end;
    when 8 then
        held.confirmed_by := new.taken_by;
        held.state := 5;
    when 9 then
        held.finding := null; held.measures := null; held.decided_by := null; held.decided_at := null;
        held.state := 3;
    when 10 then
        held.state := 6;
    when 11 then
        held.incident := new.detail;
    when 12 then
        held.keep_until := close_watch_case(held, new.at);
        held.closed_at := new.at;
        held.state := 7;
    else
    end case;
    if new.step in (7, 8) and held.state = 5 then
        perform take_case_measures(held, new.taken_by);
    end if;
    -- who did nothing wrong comes in again at once
    if new.step = 3 or new.step = 7 and new.finding = 1 and held.frozen_at is not null then
        held.frozen_at := null;
    end if;
    update watch_case c set state = held.state, frozen_at = held.frozen_at,
        told_at = held.told_at, answer_by = held.answer_by, finding = held.finding, measures = held.measures,
        decided_by = held.decided_by, decided_at = held.decided_at, confirmed_by = held.confirmed_by,
        incident = held.incident, closed_at = held.closed_at, keep_until = held.keep_until where c.id = held.id;
    update guard_staff set frozen_at = null where id = held.human;      -- follows the cases
    return new;
end $$;
create trigger watch_case_step_counts before insert on watch_case_step for each row execute function take_case_step();

-- Frozen is who a case froze, from the first of them to the last, whatever else becomes of the account.
create function staff_is_frozen() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    new.frozen_at := (select min(c.frozen_at) from watch_case c where c.human = new.id);
    return new;
end $$;
create trigger guard_staff_frozen before insert or update on guard_staff
    for each row execute function staff_is_frozen();

create function freeze_ends_credentials() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    update actor_state set revoked_at = clock_timestamp()
        where staff = new.id and actor <> new.id and revoked_at is null;
    update actor_state set active = new.is_active where actor = new.id;
    delete from staff_link where staff = new.id;
    return null;
end $$;
create trigger guard_staff_freeze after update on guard_staff
    for each row when ((old.frozen_at is null) <> (new.frozen_at is null)) execute function freeze_ends_credentials();

-- No credential of a frozen account is worth anything, also one that is being made at this moment.
create function credential_is_not_frozen() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if new.active and new.staff is not null then
        if tg_op = 'INSERT' then
            perform 1 from guard_staff s where s.id = new.staff for share;
        end if;
        new.active := not exists (select 1 from guard_staff s where s.id = new.staff and s.frozen_at is not null);
    end if;
    return new;
end $$;
create trigger actor_state_frozen before insert or update of active on actor_state
    for each row execute function credential_is_not_frozen();

-- Nothing of a case goes before its day.
create function refuse_untimely_case() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if not exists (select 1 from watch_case c where c.id = coalesce((to_jsonb(old) ->> 'case_id')::uuid,
        (to_jsonb(old) ->> 'id')::uuid) and c.keep_until < clock_timestamp()) then
        raise exception 'a case is kept until its day' using errcode = 'insufficient_privilege';
    end if;
    return old;
end $$;
create trigger watch_case_in_time before delete on watch_case for each row execute function refuse_untimely_case();
create trigger watch_case_step_in_time before delete on watch_case_step
    for each row execute function refuse_untimely_case();
create trigger watch_case_party_stays before delete on watch_case_party
    for each row execute function refuse_untimely_case();
create trigger watch_case_step_stays before update or truncate on watch_case_step
    for each statement execute function refuse_change();

-- Deletes the cases whose day has come, and returns them, so that their keys go, too. Alerts have a day of their own. One
-- that still keeps an account frozen stays until somebody closes the account: it would come alive again.
create function forget_watch_cases() returns setof uuid
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    due uuid[];
begin
    select coalesce(array_agg(c.id), '{}') into due
        from (select w.id from watch_case w where w.state = 7 and w.keep_until < clock_timestamp() and (w.frozen_at is null
            or exists (select 1 from guard_staff s where s.id = w.human and not s.is_active)) for update) c;
    delete from watch_case_alert where case_id = any (due);
    delete from watch_case_link where case_id = any (due);
    delete from watch_case_party where case_id = any (due);
    delete from watch_case_step where case_id = any (due);
    delete from watch_case where id = any (due);
    return query select unnest(due);
end $$;

revoke all on watch_case, watch_case_party, watch_case_alert, watch_case_step, watch_case_link
    from kehu_app, kehu_sequencer, public;
grant select on watch_case, watch_case_party, watch_case_alert, watch_case_step, watch_case_link to kehu_app;
grant insert (id, human, opened_by) on watch_case to kehu_app;
grant insert on watch_case_party to kehu_app;
grant insert (id, case_id, step, taken_by, way, finding, measures, detail, note) on watch_case_step to kehu_app;
grant insert (digest, case_id, until), update (used_at) on watch_case_link to kehu_app;
revoke all on function forget_watch_cases() from public;
grant execute on function forget_watch_cases() to kehu_app;
revoke all on function check_case_hand(watch_case, smallint, uuid), check_case_freeze(watch_case),
    take_case_measures(watch_case, uuid), close_watch_case(watch_case, timestamptz),
    check_case_measures(smallint, smallint[]), join_case_alert(watch_case, uuid) from public, kehu_app;
"""
BACK = """
drop trigger actor_state_frozen on actor_state; drop function credential_is_not_frozen();
drop trigger guard_staff_freeze on guard_staff; drop function freeze_ends_credentials();
drop trigger guard_staff_frozen on guard_staff; drop function staff_is_frozen();
drop function forget_watch_cases();
drop table watch_case_link; drop table watch_case_step; drop table watch_case_alert; drop table watch_case_party;
drop function take_case_step(); drop function check_case_hand(watch_case, smallint, uuid);
drop function check_case_freeze(watch_case); drop function join_case_alert(watch_case, uuid);
drop function take_case_measures(watch_case, uuid); drop function close_watch_case(watch_case, timestamptz);
drop function check_case_measures(smallint, smallint[]);
drop table watch_case; drop function begin_watch_case(); drop function check_case_party();
drop function refuse_untimely_case();
alter table guard_staff drop column retrain_since, drop column frozen_at;
"""


class Migration(migrations.Migration):
    dependencies = [("guard", "0022_watch")]
    operations = [migrations.RunSQL(SQL, BACK)]
