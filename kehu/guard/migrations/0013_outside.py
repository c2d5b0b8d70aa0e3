"""Tokens whose answers leave the house: for whom, who let them through, how much each recipient got, and their canaries."""

from django.db import migrations

SQL = """
create table outside_token (
    id uuid primary key,                -- as people name it; the credential's own id is a digest of the secret
    credential uuid not null unique,    -- its row of actor_state
    staff uuid not null,                -- the person it acts for
    purpose smallint not null,
    recipient text not null check (length(recipient) between 1 and 120),
    recipient_kind text not null check (recipient_kind in ('processor', 'controller', 'sale')),
    country text not null check (country ~ '^[A-Z]{2}$'),
    issued_by uuid not null,
    issued_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    canary uuid not null unique         -- id of the made-up customer that its answers hold
);
create index outside_token_issued_at on outside_token (issued_at);

create table outside_decision (
    number bigint generated always as identity primary key,
    token uuid not null references outside_token (id),
    decided_by uuid not null,
    decided_at timestamptz not null default clock_timestamp(),
    approved boolean not null,
    most integer check (most > 0),      -- different customers its recipient may get within a day
    check (approved = (most is not null))
);
create index outside_decision_token on outside_decision (token, number);

create function check_outside_decision() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if new.approved and exists (select 1 from outside_token t where t.id = new.token
        and new.decided_by in (t.staff, t.issued_by)) then
        raise exception 'another person decides' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger outside_second_person before insert on outside_decision
    for each row execute function check_outside_decision();

create table outside_pull (             -- which customers a recipient was answered about; both as keyed digests
    recipient bytea not null check (octet_length(recipient) = 32),
    customer bytea not null check (octet_length(customer) = 32),
    at timestamptz not null default clock_timestamp(),
    primary key (recipient, customer)
);
create index outside_pull_at on outside_pull (recipient, at);

create function keep_outside_pull() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if tg_op = 'DELETE' then
        if old.at > clock_timestamp() - interval '24 hours' then
            raise exception 'it counts for a day' using errcode = 'check_violation';
        end if;
        return old;
    end if;
    if (new.recipient, new.customer) is distinct from (old.recipient, old.customer) or new.at < old.at then
        raise exception 'it only counts on' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger outside_pull_counts before update or delete on outside_pull
    for each row execute function keep_outside_pull();

-- Count these customers for a recipient if that leaves it within its number for a day; whether it did.
-- One at a time for each recipient, so that two calls at once do not both take the last place.
create function take_pulls(whose bytea, whom bytea[], most integer) returns boolean
language plpgsql set search_path = public, pg_temp as $$
declare
    fresh integer;
    held integer;
begin
    perform pg_advisory_xact_lock(('x' || encode(substr(whose, 1, 8), 'hex'))::bit(64)::bigint);
    select count(distinct w) into fresh from unnest(whom) w where not exists (select 1 from outside_pull p
        where p.recipient = whose and p.customer = w and p.at > clock_timestamp() - interval '24 hours');
    if fresh > 0 then
        select count(*) into held from (select 1 from outside_pull p
            where p.recipient = whose and p.at > clock_timestamp() - interval '24 hours' limit most) x;
        if held + fresh > most then
            return false;
        end if;
    end if;
    insert into outside_pull (recipient, customer) select distinct whose, w from unnest(whom) w
        on conflict (recipient, customer) do update set at = excluded.at;
    return true;
end $$;

create table outside_canary (
    mark bytea primary key check (octet_length(mark) = 32),  -- keyed digest of a value that stands in one token's answers only
    token uuid not null references outside_token (id)
);

revoke update, delete, truncate on outside_token, outside_decision, outside_canary from kehu_app;
revoke truncate on outside_pull from kehu_app;
"""
BACK = """
drop table outside_canary; drop function take_pulls; drop table outside_pull; drop function keep_outside_pull;
drop table outside_decision; drop function check_outside_decision; drop table outside_token;
"""


class Migration(migrations.Migration):
    dependencies = [("guard", "0012_leaving")]
    operations = [migrations.RunSQL(SQL, BACK)]
