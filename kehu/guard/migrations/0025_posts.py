"""Posts: roles that the house narrows, who owns what, and what becomes of both when somebody changes posts or leaves.

A house role takes from a shipped role and adds nothing to it: a credential of whoever holds one carries in ``narrowing`` what
is left, computed here whatever a program writes, and the policies forbid the rest. What is owned has an active owner, and
nobody changes posts or leaves who still owns something: it is handed over first, in the same transaction.
"""

from django.db import migrations

ROLES = """
create table house_role (
    id uuid primary key,
    name text not null check (name ~ '^[a-z][a-z0-9-]{1,38}$'),
    version integer not null check (version > 0),
    base text not null,                 -- the shipped role that it narrows
    purposes text[] not null,
    categories text[] not null,
    level smallint not null check (level between 1 and 4),      -- the highest
    actions text[] not null check (actions <@ array['open', 'mask', 'match']),
    acts text[] not null,               -- what else the base may do, as far as this one still may
    proposed_by uuid not null references guard_staff (id),
    proposed_at timestamptz not null default clock_timestamp(),
    decided_by uuid references guard_staff (id),
    decided_at timestamptz,
    approved boolean,
    unique (name, version),
    check (decided_by <> proposed_by),
    check ((decided_by is null) = (approved is null) and (decided_by is null) = (decided_at is null))
);
create unique index house_role_waits_once on house_role (name) where approved is null;

create function check_house_role() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        new.proposed_at := clock_timestamp();
        new.decided_by := null; new.decided_at := null; new.approved := null;
        if new.name in ('manager', 'marketing', 'service', 'analyst', 'engineer', 'privacy', 'legal', 'auditor', 'owner',
            'customer') or new.base not in ('manager', 'marketing', 'service', 'analyst', 'engineer', 'privacy', 'legal',
            'auditor') then
            raise exception 'a name of its own for a narrowed role of staff' using errcode = 'check_violation';
        end if;
        if new.version <> coalesce((select max(r.version) from house_role r where r.name = new.name), 0) + 1
            or exists (select 1 from house_role r where r.name = new.name and r.base <> new.base) then
            raise exception 'versions follow one another on the same base' using errcode = 'check_violation';
        end if;
        if not exists (select 1 from guard_staff s where s.id = new.proposed_by and s.is_active
            and s.role in ('manager', 'privacy', 'legal', 'owner')) then
            raise exception 'the role does not propose' using errcode = 'check_violation';
        end if;
        return new;
    end if;
    if (new.id, new.name, new.version, new.base, new.purposes, new.categories, new.level, new.actions, new.acts,
        new.proposed_by, new.proposed_at) is distinct from (old.id, old.name, old.version, old.base, old.purposes,
        old.categories, old.level, old.actions, old.acts, old.proposed_by, old.proposed_at) or old.approved is not null then
        raise exception 'decided once, as it was proposed' using errcode = 'check_violation';
    end if;
    -- the privacy office may stop one; letting it through is another's
    if not exists (select 1 from guard_staff s where s.id = new.decided_by and s.is_active
        and (s.role in ('manager', 'legal', 'owner') or (s.role = 'privacy' and not new.approved))) then
        raise exception 'the role does not decide' using errcode = 'check_violation';
    end if;
    new.decided_at := clock_timestamp();
    return new;
end $$;
create trigger house_role_hands before insert or update on house_role for each row execute function check_house_role();
create trigger house_role_stays before delete or truncate on house_role
    for each statement execute function refuse_change();
revoke all on house_role from kehu_app, kehu_sequencer, public;
grant select on house_role to kehu_app;
grant insert (id, name, version, base, purposes, categories, level, actions, acts, proposed_by) on house_role to kehu_app;
grant update (decided_by, approved) on house_role to kehu_app;

alter table guard_staff add column house_role text;
alter table actor_state add column narrowing text;

-- What a house role leaves of its base, as one text of a decision's key; one that nothing approves leaves nothing.
create function narrowing_of(held text, role text) returns text language sql stable set search_path = public, pg_temp as $$
    select case when held is not null then coalesce((
        select concat_ws(';', 'only:' || r.name || '@' || r.version, array_to_string(r.purposes, ','),
            array_to_string(r.categories, ','), r.level, array_to_string(r.actions, ','), array_to_string(r.acts, ','))
        from house_role r where r.name = held and r.base = narrowing_of.role and r.approved
        order by r.version desc limit 1), 'only:' || held || '@0;;;1;;') end
$$;
create function credential_is_narrowed() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    select narrowing_of(s.house_role, s.role) into new.narrowing from guard_staff s where s.id = new.staff;
    return new;
end $$;
create trigger actor_state_narrowed before insert or update of narrowing, staff on actor_state
    for each row execute function credential_is_narrowed();

create function house_role_reaches_credentials() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    update actor_state set narrowing = '' where staff in (select s.id from guard_staff s where s.house_role = new.name);
    return null;
end $$;
create trigger house_role_in_force after update of approved on house_role
    for each row when (new.approved) execute function house_role_reaches_credentials();
"""
OWNED = """
create table owned (
    kind text not null check (kind in ('channel', 'source', 'field', 'purpose', 'notice', 'policy', 'law', 'request',
        'incident', 'proposal')),
    name text not null check (name <> ''),
    owner uuid not null references guard_staff (id),
    deputy uuid references guard_staff (id) check (deputy <> owner),
    since timestamptz not null default clock_timestamp(),
    by uuid not null references guard_staff (id),
    primary key (kind, name)
);
create index owned_owner on owned (owner);
create index owned_deputy on owned (deputy);
create table owned_before (             -- what an owner's row said until it was changed
    kind text not null,
    name text not null,
    owner uuid not null,
    deputy uuid,
    since timestamptz not null,
    until timestamptz not null default clock_timestamp(),
    by uuid not null
);
create index owned_before_name on owned_before (kind, name, until);

create function check_owned() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if tg_op = 'UPDATE' then
        if (new.kind, new.name) is distinct from (old.kind, old.name) then
            raise exception 'a thing stays itself' using errcode = 'check_violation';
        end if;
        insert into owned_before (kind, name, owner, deputy, since, by)
            values (old.kind, old.name, old.owner, old.deputy, old.since, old."by");
    end if;
    new.since := clock_timestamp();
    -- held to the end: whoever closes the account at this moment waits, or is waited for
    perform 1 from guard_staff s where s.id in (new.owner, new.deputy) order by s.id for share;
    if exists (select 1 from unnest(array[new.owner, new.deputy]) one where one is not null and not exists (
        select 1 from guard_staff s where s.id = one and s.is_active)) then
        raise exception 'an active member of staff owns it' using errcode = 'check_violation';
    end if;
    if new.kind = 'purpose' and exists (select 1 from guard_staff s where s.id in (new.owner, new.deputy)
        and s.role = 'privacy') then
        raise exception 'the privacy office owns no purpose' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger owned_hands before insert or update on owned for each row execute function check_owned();
create trigger owned_stays before delete or truncate on owned for each statement execute function refuse_change();
create trigger owned_before_append_only before update or delete or truncate on owned_before
    for each statement execute function refuse_change();
revoke all on owned, owned_before from kehu_app, kehu_sequencer, public;
grant select on owned, owned_before to kehu_app;
grant insert (kind, name, owner, deputy, by), update (owner, deputy, by) on owned to kehu_app;
grant insert (kind, name, owner, deputy, since, by) on owned_before to kehu_app;

-- A channel is owned from its first moment, by whoever it is made for.
create function channel_is_owned() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if new.owner is null then
        raise exception 'nothing unowned comes in force' using errcode = 'check_violation';
    end if;
    insert into owned (kind, name, owner, by) values (case when new.kind in ('third-party', 'public') then 'source'
        else 'channel' end, new.name, new.owner, new.owner) on conflict do nothing;
    return null;
end $$;
create trigger govern_channel_owned after insert on govern_channel for each row execute function channel_is_owned();

-- Rules come in force where each purpose and notice in force under them is owned, and each other thing that they name.
create function rules_are_owned() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if exists (
        select 1 from (
            select c.register as kind, c.name from govern_change c where c.shipped or exists (
                select 1 from govern_step t where t.change_id = c.id and t.kind = 'approved')
            union
            select k.kind, n.name from jsonb_each(coalesce(new.content -> 'owned', '{}')) k (kind, names),
                jsonb_array_elements_text(k.names) n (name)
        ) thing where not exists (select 1 from owned o where o.kind = thing.kind and o.name = thing.name)) then
        raise exception 'nothing unowned comes in force' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger govern_rules_owned before insert on govern_rules for each row execute function rules_are_owned();

-- Whoever proposes, assesses or decides in the register is an active member of staff, in the role the row says. What is
-- approved has an owner; whoever proposed it is still here, or handed it over; and the privacy office, whose office it is
-- to look at it (GDPR 38(6)), does not decide alone: what it lets through, another office wanted.
create or replace function check_register_hand() returns trigger language plpgsql
    set search_path = public, pg_temp as $$
declare
    change govern_change;
    taker uuid;
begin
    if tg_table_name = 'govern_change' then
        if not new.shipped and not exists (select 1 from guard_staff f where f.id = new.proposed_by and f.is_active) then
            raise exception 'no active member of staff proposed it' using errcode = 'check_violation';
        end if;
        return new;
    end if;
    if not exists (select 1 from guard_staff f where f.id = new."by" and f.role = new.role and f.is_active) then
        raise exception 'no active member of staff of that role' using errcode = 'check_violation';
    end if;
    if new.kind <> 'approved' then
        return new;
    end if;
    select * into change from govern_change c where c.id = new.change_id;
    if not exists (select 1 from owned o where o.kind = change.register and o.name = change.name) then
        raise exception 'nothing unowned comes in force' using errcode = 'check_violation';
    end if;
    select coalesce((select o.owner from owned o where o.kind = 'proposal' and o.name = change.id::text), change.proposed_by)
        into taker;
    if taker = new."by" or not exists (select 1 from guard_staff f where f.id = taker and f.is_active
        and (new.role <> 'privacy' or f.role <> 'privacy')) then
        raise exception 'another person, still here and not of the privacy office alone, stands behind it'
            using errcode = 'check_violation';
    end if;
    return new;
end $$;
"""
POSTS = """
alter table guard_staff add column closed_at timestamptz, add column begun_at timestamptz;

create table post_change (
    id uuid primary key,
    staff uuid not null references guard_staff (id),
    kind text not null check (kind in ('move', 'close', 'reopen')),
    role text,
    house_role text,
    department text,
    taker uuid references guard_staff (id),     -- who takes over; null: nobody needs to, or at once the deputies
    at_once boolean not null default false,
    asked_by uuid not null references guard_staff (id),
    asked_at timestamptz not null default clock_timestamp(),
    decided_by uuid references guard_staff (id),
    decided_at timestamptz,
    done boolean,
    check (asked_by <> staff and decided_by <> staff and taker <> staff),
    check ((kind = 'close') = (role is null)),
    check ((decided_by is null) = (done is null))
);
create unique index post_change_waits_once on post_change (staff) where done is null;
create index post_change_staff on post_change (staff, asked_at);

-- One person closes; a post is given by two, or by the owner of the home, who is the root of trust.
create function check_post_change() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        new.asked_at := clock_timestamp();
        new.decided_by := null; new.decided_at := null; new.done := null;
        return new;
    end if;
    if (new.id, new.staff, new.kind, new.role, new.house_role, new.department, new.taker, new.at_once, new.asked_by,
        new.asked_at) is distinct from (old.id, old.staff, old.kind, old.role, old.house_role, old.department, old.taker,
        old.at_once, old.asked_by, old.asked_at) or old.done is not null then
        raise exception 'decided once, as it was asked' using errcode = 'check_violation';
    end if;
    new.decided_at := clock_timestamp();
    if new.done and not exists (select 1 from guard_staff s where s.id = new.decided_by and s.is_active and (s.role = 'owner'
        or new.kind = 'close' or (s.role = 'legal' and new.decided_by <> new.asked_by))) then
        raise exception 'a second person decides' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger post_change_hands before insert or update on post_change
    for each row execute function check_post_change();
create trigger post_change_stays before delete or truncate on post_change
    for each statement execute function refuse_change();
revoke all on post_change from kehu_app, kehu_sequencer, public;
grant select on post_change to kehu_app;
grant insert (id, staff, kind, role, house_role, department, taker, at_once, asked_by) on post_change to kehu_app;
grant update (decided_by, done) on post_change to kehu_app;

alter table leaving add column ended_at timestamptz;    -- whoever asked for it changed posts or left

-- Another post, or none: what was right for the last one ends here, and nothing of it is found in the next.
create function end_post() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if new.house_role is not null and not exists (select 1 from house_role r where r.name = new.house_role
        and r.base = new.role and r.approved) then
        raise exception 'no such role of the house in force' using errcode = 'check_violation';
    end if;
    if tg_op = 'INSERT' or (old.is_active, old.role, old.department_id, old.house_role)
        is not distinct from (new.is_active, new.role, new.department_id, new.house_role) then
        return new;
    end if;
    if exists (select 1 from owned o where old.id in (o.owner, o.deputy)) then
        raise exception 'what is owned is handed over first' using errcode = 'check_violation';
    end if;
    new.totp := null; new.totp_step := null; new.totp_pending := null;
    new.place := ''; new.zone := ''; new.duty_days := null; new.duty_from := null; new.duty_to := null;
    new.kept_until := clock_timestamp() + interval '92 days';
    if not new.is_active then
        new.agreement_until := least(new.agreement_until, clock_timestamp());
        new.training_until := least(new.training_until, clock_timestamp());
        new.watching_until := least(new.watching_until, clock_timestamp());
        new.password := '!closed';
        new.closed_at := coalesce(old.closed_at, clock_timestamp());
    elsif not old.is_active then
        new.closed_at := null;
        new.begun_at := clock_timestamp();
        new.retrain_since := clock_timestamp();
        new.agreement_until := null; new.training_until := null; new.watching_until := null;
    end if;
    return new;
end $$;
create trigger guard_staff_ends before insert or update of is_active, role, department_id, house_role on guard_staff
    for each row execute function end_post();

create or replace function post_ends_credentials() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    update actor_state set revoked_at = clock_timestamp()
        where staff = new.id and actor <> new.id and revoked_at is null;
    update actor_state set role = new.role, department = new.department_id, active = new.is_active where actor = new.id;
    if (old.is_active, old.role, old.department_id, old.house_role)
        is not distinct from (new.is_active, new.role, new.department_id, new.house_role) then
        return null;
    end if;
    update actor_state set agreement_until = new.agreement_until, training_until = new.training_until,
        watching_until = new.watching_until, kept_until = new.kept_until, second_factor_at = null, place = new.place,
        zone = new.zone, duty_days = new.duty_days, duty_from = new.duty_from, duty_to = new.duty_to, narrowing = ''
        where staff = new.id and role <> 'owner';
    update access_grant set ended_at = clock_timestamp(), ended_by = new.id where staff = new.id and ended_at is null
        and (approved is null or (approved and until > clock_timestamp()));
    update leaving set ended_at = clock_timestamp() where asked_by = new.id and ran_at is null and ended_at is null;
    delete from staff_passkey where staff = new.id;
    delete from staff_recovery_code where staff = new.id;
    delete from staff_link where staff = new.id;
    delete from staff_challenge where credential in (select a.actor from actor_state a where a.staff = new.id);
    delete from staff_session where staff = new.id;
    return null;
end $$;
drop trigger guard_staff_post on guard_staff;
create trigger guard_staff_post after update of is_active, role, department_id, password, house_role on guard_staff
    for each row when ((old.is_active, old.role, old.department_id, old.password, old.house_role)
        is distinct from (new.is_active, new.role, new.department_id, new.password, new.house_role))
    execute function post_ends_credentials();
"""
BACK = """
drop trigger guard_staff_post on guard_staff;
create or replace function post_ends_credentials() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    update actor_state set revoked_at = clock_timestamp()
        where staff = new.id and actor <> new.id and revoked_at is null;
    update actor_state set role = new.role, department = new.department_id, active = new.is_active where actor = new.id;
    return null;
end $$;
create trigger guard_staff_post after update of is_active, role, department_id, password on guard_staff
    for each row when ((old.is_active, old.role, old.department_id, old.password)
        is distinct from (new.is_active, new.role, new.department_id, new.password))
    execute function post_ends_credentials();
drop trigger guard_staff_ends on guard_staff; drop function end_post();
alter table leaving drop column ended_at;
drop table post_change; drop function check_post_change();
alter table guard_staff drop column closed_at, drop column begun_at;
create or replace function check_register_hand() returns trigger language plpgsql
    set search_path = public, pg_temp as $$
begin
    if tg_table_name = 'govern_change' then
        if not new.shipped and not exists (select 1 from guard_staff f where f.id = new.proposed_by and f.is_active) then
            raise exception 'no active member of staff proposed it' using errcode = 'check_violation';
        end if;
    elsif not exists (select 1 from guard_staff f where f.id = new."by" and f.role = new.role and f.is_active) then
        raise exception 'no active member of staff of that role' using errcode = 'check_violation';
    end if;
    return new;
end $$;
drop trigger govern_rules_owned on govern_rules; drop function rules_are_owned();
drop trigger govern_channel_owned on govern_channel; drop function channel_is_owned();
drop table owned_before; drop table owned; drop function check_owned();
drop trigger house_role_in_force on house_role; drop function house_role_reaches_credentials();
drop trigger actor_state_narrowed on actor_state; drop function credential_is_narrowed();
drop function narrowing_of(text, text);
alter table actor_state drop column narrowing; alter table guard_staff drop column house_role;
drop table house_role; drop function check_house_role();
"""


class Migration(migrations.Migration):
    dependencies = [("guard", "0024_sign_on"), ("govern", "0010_channel_country")]
    operations = [migrations.RunSQL(ROLES + OWNED + POSTS, BACK)]
