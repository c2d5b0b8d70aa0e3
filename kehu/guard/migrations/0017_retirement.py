"""Rows of the ledger leave when their time is over: the body goes, the leaf's hash stays, and a mark says so.

Nobody has a right to delete a row. The one way is ``retire_ledger_rows``, which looks at each row's age itself: none younger
than 184 days (six months, CSL 23(3)) goes, whatever the caller says, none of somebody under a hold, and none that is not
under a signed checkpoint. A mark names the rows that went, by number alone, and carries a MAC under a key outside the
database.
"""

from django.db import migrations

SQL = """
create table ledger_retired (
    id uuid primary key,
    xid xid8 not null default pg_current_xact_id(),
    at timestamptz not null default clock_timestamp(),
    seqs int8multirange not null,
    rows integer not null check (rows > 0),
    subjects bigint not null,           -- uses that these rows named
    uses bigint not null,               -- of those, uses that were still in the look-up
    first timestamptz not null,
    last timestamptz not null check (last < at - interval '184 days'),
    act bigint,                         -- the ledger's row of this act
    mac bytea
);
create index ledger_retired_xid on ledger_retired (xid);
create index ledger_entry_at on ledger_entry using brin (at) with (autosummarize = on);
create index subject_state_held on subject_state (customer) where held or held_categories <> 0;

create function check_retired() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if old.mac is not null or new.mac is null or new.act is null
        or (new.id, new.xid, new.at, new.seqs, new.rows, new.subjects, new.uses, new.first, new.last)
            is distinct from (old.id, old.xid, old.at, old.seqs, old.rows, old.subjects, old.uses, old.first, old.last)
    then
        raise exception 'ledger_retired is append-only' using errcode = 'insufficient_privilege';
    end if;
    return new;
end $$;
create trigger ledger_retired_sealed_once before update on ledger_retired
    for each row execute function check_retired();
create trigger ledger_retired_append_only before delete or truncate on ledger_retired
    for each statement execute function refuse_change();
revoke all on ledger_retired from kehu_app, kehu_sequencer, public;
grant select, update (act, mac) on ledger_retired to kehu_app;
grant select on ledger_retired to kehu_sequencer;

-- A row goes past its time and under a mark of the same transaction, or not at all: the owner's mistakes, too.
create function refuse_untimely() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if exists (select 1 from gone g where g.at >= clock_timestamp() - interval '184 days' or not exists (
        select 1 from ledger_retired r where r.xid = pg_current_xact_id() and r.seqs @> g.seq))
    then
        raise exception 'ledger_entry is append-only' using errcode = 'insufficient_privilege';
    end if;
    return null;
end $$;
drop trigger ledger_entry_append_only on ledger_entry;
create trigger ledger_entry_append_only before update or truncate on ledger_entry
    for each statement execute function refuse_change();
create trigger ledger_entry_in_time after delete on ledger_entry referencing old table as gone
    for each statement execute function refuse_untimely();

-- Rows between two numbers that a hold keeps: somebody they name, or a part of the same customer, is under one.
create function ledger_rows_held(low bigint, high bigint) returns setof bigint
    language sql stable set search_path = public, pg_temp as $$
    select distinct u.seq from subject_state h join subject_state s on s.customer = h.customer
        join ledger_use u on u.subject = s.subject
    where (h.held or h.held_categories <> 0) and u.seq between low and high
$$;

-- One batch of the rows after a number up to another: `examined` is the last it looked at, null where none is left.
create function retire_ledger_rows(
    run uuid, before timestamptz, after bigint, upto bigint, most integer,
    out examined bigint, out retired integer, out held integer
) language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '300ms' as $$
declare
    low bigint; seen bigint[]; leaving bigint[]; named bigint; earliest timestamptz; latest timestamptz; taken bigint;
begin
    if before is null or before > clock_timestamp() - interval '184 days' then
        raise exception 'no row younger than six months goes' using errcode = 'insufficient_privilege';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('ledger:retire', 0));
    select array_agg(w.seq), min(w.seq), max(w.seq) into seen, low, examined from (
        select e.seq, sum(e.subjects) over (order by e.seq) as total, row_number() over (order by e.seq) as n
        from (select x.seq, x.subjects from ledger_entry x join ledger_leaf l using (seq)
            where x.seq > after and x.seq <= upto and x.at < before
                and l.index < (select max(size) from ledger_checkpoint)
            order by x.seq limit most) e) w
    where w.total <= 50000 or w.n = 1;
    retired := 0;
    held := 0;
    if examined is null then
        return;
    end if;
    select count(*), array_agg(e.seq order by e.seq), coalesce(sum(e.subjects), 0), min(e.at), max(e.at)
        into retired, leaving, named, earliest, latest
    from ledger_entry e join unnest(seen) s on s = e.seq
    where not exists (select 1 from ledger_rows_held(low, examined) k where k = e.seq);
    held := cardinality(seen) - retired;
    if retired = 0 then
        return;
    end if;
    with gone as (delete from ledger_use u using unnest(leaving) s
            where u.seq = s and u.seq between low and examined returning 1)
        select count(*) into taken from gone;
    insert into ledger_retired (id, seqs, rows, subjects, uses, first, last)
        select run, range_agg(int8range(s, s, '[]')), retired, named, taken, earliest, latest from unnest(leaving) s;
    delete from ledger_entry e using unnest(leaving) s where e.seq = s;
end $$;
revoke all on function retire_ledger_rows(uuid, timestamptz, bigint, bigint, integer) from public;
revoke all on function ledger_rows_held(bigint, bigint) from public;
grant execute on function retire_ledger_rows(uuid, timestamptz, bigint, bigint, integer),
    ledger_rows_held(bigint, bigint) to kehu_app;
"""
BACK = """
drop function retire_ledger_rows, ledger_rows_held;
drop trigger ledger_entry_in_time on ledger_entry;
drop trigger ledger_entry_append_only on ledger_entry;
create trigger ledger_entry_append_only before update or delete or truncate on ledger_entry
    for each statement execute function refuse_change();
drop function refuse_untimely;
drop table ledger_retired;
drop function check_retired;
drop index ledger_entry_at;
drop index subject_state_held;
"""


class Migration(migrations.Migration):
    dependencies = [("guard", "0016_grants")]
    operations = [migrations.RunSQL(SQL, BACK)]
