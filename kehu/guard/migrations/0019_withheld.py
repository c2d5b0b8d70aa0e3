"""Uses that an investigation keeps from the customer's log for a time: two people of two offices, and an end, or nothing.

Nothing leaves the log: who verifies, audits or inquires sees every row. The end comes by itself.
"""

from django.db import migrations

SQL = """
create table ledger_withheld (
    id uuid primary key,
    purpose smallint not null check (purpose in (8, 9, 12)),    -- legal, security, claims
    human uuid not null,                -- whose uses
    since timestamptz not null,         -- rows from then on, also such as come later
    until timestamptz not null,         -- and from then on they are shown
    reference text not null check (length(reference) between 1 and 60),     -- the file's number; no names
    asked_by uuid not null,
    asked_role text not null check (asked_role in ('privacy', 'legal', 'auditor')),
    asked_at timestamptz not null default clock_timestamp(),
    decided_by uuid check (decided_by <> asked_by and decided_by <> human),
    decided_role text check (decided_role in ('privacy', 'legal', 'auditor') and decided_role <> asked_role),
    decided_at timestamptz,
    approved boolean,
    lifted_at timestamptz,              -- shown again before the end
    mac bytea,                          -- of an approval: without it nothing is withheld
    check (until > asked_at and until <= asked_at + interval '366 days' and since < until),
    check ((decided_by is null) = (decided_at is null) and (decided_by is null) = (approved is null)
        and (decided_by is null) = (decided_role is null)),
    check (coalesce(approved, false) = (mac is not null))
);

create function check_withheld() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        if new.decided_by is not null or new.lifted_at is not null or not exists (
            select 1 from guard_staff s where s.id = new.asked_by and s.role = new.asked_role and s.is_active) then
            raise exception 'asked for by an active member of staff of that role' using errcode = 'check_violation';
        end if;
        return new;
    end if;
    if (new.id, new.purpose, new.human, new.since, new.until, new.reference, new.asked_by, new.asked_role, new.asked_at)
        is distinct from
        (old.id, old.purpose, old.human, old.since, old.until, old.reference, old.asked_by, old.asked_role, old.asked_at)
        or old.decided_by is not null and (new.decided_by, new.decided_role, new.decided_at, new.approved, new.mac)
            is distinct from (old.decided_by, old.decided_role, old.decided_at, old.approved, old.mac)
        or old.lifted_at is not null and new.lifted_at is distinct from old.lifted_at
    then
        raise exception 'what is said once stays said' using errcode = 'check_violation';
    end if;
    if old.decided_by is null and new.decided_by is not null and not exists (
        select 1 from guard_staff s where s.id = new.decided_by and s.role = new.decided_role and s.is_active) then
        raise exception 'decided by an active member of staff of that role' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger ledger_withheld_hands before insert or update on ledger_withheld
    for each row execute function check_withheld();
create trigger ledger_withheld_stays before delete or truncate on ledger_withheld
    for each statement execute function refuse_change();
revoke all on ledger_withheld from kehu_app, kehu_sequencer, public;
grant select, insert on ledger_withheld to kehu_app;
grant update (decided_by, decided_role, decided_at, approved, lifted_at, mac) on ledger_withheld to kehu_app;

-- A row that is withheld, or was within six months, is not retired: its customer has yet to see it.
create or replace function ledger_rows_held(low bigint, high bigint) returns setof bigint
    language sql stable set search_path = public, pg_temp as $$
    select distinct u.seq from subject_state h join subject_state s on s.customer = h.customer
        join ledger_use u on u.subject = s.subject
    where (h.held or h.held_categories <> 0) and u.seq between low and high
    union
    select e.seq from ledger_withheld w join ledger_entry e on e.purpose = w.purpose and e.human = w.human and e.at >= w.since
    where w.approved and least(w.until, w.lifted_at) > clock_timestamp() - interval '184 days'
        and e.at < w.until and e.seq between low and high
$$;
"""
BACK = """
create or replace function ledger_rows_held(low bigint, high bigint) returns setof bigint
    language sql stable set search_path = public, pg_temp as $$
    select distinct u.seq from subject_state h join subject_state s on s.customer = h.customer
        join ledger_use u on u.subject = s.subject
    where (h.held or h.held_categories <> 0) and u.seq between low and high
$$;
drop table ledger_withheld;
drop function check_withheld;
"""


class Migration(migrations.Migration):
    dependencies = [("guard", "0018_staff_sign_in")]
    operations = [migrations.RunSQL(SQL, BACK)]
