"""What an authority demands: registered with its document by the legal office, let by the privacy office, handed over once.

And uses that are kept from a customer's log for one act alone: where the authority forbids to tell them.
"""

from django.db import migrations

FUNCTIONS = """
create or replace function check_withheld() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        if new.decided_by is not null or new.lifted_at is not null or not exists (
            select 1 from guard_staff s where s.id = new.asked_by and s.role = new.asked_role and s.is_active) then
            raise exception 'asked for by an active member of staff of that role' using errcode = 'check_violation';
        end if;
        return new;
    end if;
    if (new.id, new.purpose, new.human, new.since, new.until, new.reference, new.asked_by, new.asked_role, new.asked_at, new.act)
        is distinct from
        (old.id, old.purpose, old.human, old.since, old.until, old.reference, old.asked_by, old.asked_role, old.asked_at, old.act)
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

create or replace function ledger_rows_held(low bigint, high bigint) returns setof bigint
    language sql stable set search_path = public, pg_temp as $$
    select distinct u.seq from subject_state h join subject_state s on s.customer = h.customer
        join ledger_use u on u.subject = s.subject
    where (h.held or h.held_categories <> 0) and u.seq between low and high
    union
    select e.seq from ledger_withheld w join ledger_entry e on e.purpose = w.purpose and e.human = w.human and e.at >= w.since
        and (w.act is null or w.act = e.detail)
    where w.approved and least(w.until, w.lifted_at) > clock_timestamp() - interval '184 days'
        and e.at < w.until and e.seq between low and high
$$;
"""
SQL = (
    "alter table ledger_withheld add column act uuid;"  # only rows of this act; null: all of that person for that purpose
    + FUNCTIONS
    + """
create table authority_demand (
    id uuid primary key,
    authority text not null check (length(authority) between 1 and 120),
    country text not null check (country ~ '^[A-Z]{2}$'),
    provision text not null check (length(provision) between 1 and 200),    -- the law that it cites
    reference text not null check (length(reference) between 1 and 60),     -- its file number; no names
    fields text[] not null check (cardinality(fields) > 0),
    customers integer not null check (customers > 0),
    document bytea,                     -- sealed under a key of its own; null: nobody whom it named is here any more
    silent uuid references ledger_withheld (id),    -- it forbids to tell the customers, until that one ends
    asked_by uuid not null,
    asked_at timestamptz not null default clock_timestamp(),
    decided_by uuid check (decided_by <> asked_by),
    decided_at timestamptz check ((decided_at is null) = (decided_by is null)),
    approved boolean check ((approved is null) = (decided_by is null)),
    ran_at timestamptz,
    rows integer,
    sha256 bytea
);
create index authority_demand_asked_at on authority_demand (asked_at);

create table authority_demand_subject (
    demand uuid not null references authority_demand (id),
    subject uuid not null,
    primary key (demand, subject)
);
create index authority_demand_subject_subject on authority_demand_subject (subject);

create table authority_approval (       -- what lets data go to an authority abroad
    id uuid primary key,
    demand uuid not null references authority_demand (id),
    law text not null check (law in ('CN', 'EU')),  -- approval (PIPL 41), or an agreement in force (GDPR 48)
    reference text not null check (length(reference) between 1 and 120),
    document bytea,                     -- sealed under the demand's key
    recorded_by uuid not null,
    recorded_at timestamptz not null default clock_timestamp(),
    unique (demand, law)
);

create function check_authority_demand() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        if new.decided_by is not null or new.ran_at is not null or not exists (
            select 1 from guard_staff s where s.id = new.asked_by and s.role = 'legal' and s.is_active) then
            raise exception 'registered by the legal office' using errcode = 'check_violation';
        end if;
        return new;
    end if;
    if (new.id, new.authority, new.country, new.provision, new.reference, new.fields, new.customers, new.silent,
        new.asked_by, new.asked_at) is distinct from (old.id, old.authority, old.country, old.provision, old.reference,
        old.fields, old.customers, old.silent, old.asked_by, old.asked_at)
        or new.document is not null and new.document is distinct from old.document then
        raise exception 'what was demanded stands' using errcode = 'check_violation';
    end if;
    if old.decided_by is not null then
        if (new.decided_by, new.decided_at, new.approved) is distinct from (old.decided_by, old.decided_at, old.approved) then
            raise exception 'it is decided already' using errcode = 'check_violation';
        end if;
    elsif new.decided_by is not null and not exists (
        select 1 from guard_staff s where s.id = new.decided_by and s.role = 'privacy' and s.is_active) then
        raise exception 'decided by the privacy office' using errcode = 'check_violation';
    end if;
    if new.ran_at is distinct from old.ran_at then
        if old.ran_at is not null then
            raise exception 'it ran already' using errcode = 'check_violation';
        end if;
        if not coalesce(new.approved, false) or new.decided_at < clock_timestamp() - interval '7 days' then
            raise exception 'nobody let it lately' using errcode = 'check_violation';
        end if;
        if new.silent is not null and not exists (select 1 from ledger_withheld w where w.id = new.silent
            and w.approved and w.lifted_at is null and w.until > clock_timestamp()) then
            raise exception 'nothing keeps it from the customers' using errcode = 'check_violation';
        end if;
    end if;
    return new;
end $$;
create trigger authority_demand_hands before insert or update on authority_demand
    for each row execute function check_authority_demand();

create function check_authority_part() returns trigger language plpgsql set search_path = public, pg_temp as $$
declare
    most integer;
    held integer;
begin
    select d.customers into most from authority_demand d where d.id = new.demand and d.decided_by is null for update;
    if most is null then
        raise exception 'it is decided already' using errcode = 'check_violation';
    end if;
    if tg_table_name = 'authority_demand_subject' then
        select count(*) into held from authority_demand_subject s where s.demand = new.demand;
        if held >= most then
            raise exception 'what was demanded stands' using errcode = 'check_violation';
        end if;
    elsif not exists (select 1 from guard_staff s where s.id = new.recorded_by and s.role = 'legal' and s.is_active) then
        raise exception 'recorded by the legal office' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger authority_demand_subject_stands before insert on authority_demand_subject
    for each row execute function check_authority_part();
create trigger authority_approval_stands before insert on authority_approval
    for each row execute function check_authority_part();

revoke all on authority_demand, authority_demand_subject, authority_approval from kehu_app, kehu_sequencer, public;
grant select, insert on authority_demand, authority_approval to kehu_app;
grant update (document, decided_by, decided_at, approved, ran_at, rows, sha256) on authority_demand to kehu_app;
grant update (document) on authority_approval to kehu_app;
grant select, insert, delete on authority_demand_subject to kehu_app;
"""
)
WITHOUT = (
    FUNCTIONS.replace(", new.act)", ")")
    .replace(", old.act)", ")")
    .replace("\n        and (w.act is null or w.act = e.detail)", "")
)
BACK = (
    """
drop table authority_approval; drop table authority_demand_subject; drop table authority_demand;
drop function check_authority_demand; drop function check_authority_part;
alter table ledger_withheld disable trigger user;
delete from ledger_withheld where act is not null;
alter table ledger_withheld enable trigger user;
alter table ledger_withheld drop column act;
"""
    + WITHOUT
)


class Migration(migrations.Migration):
    dependencies = [("guard", "0021_reviews")]
    operations = [migrations.RunSQL(SQL, BACK)]
