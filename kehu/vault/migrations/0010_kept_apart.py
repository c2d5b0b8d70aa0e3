"""Pairs that somebody decided are two customers, where every writer of the log of links meets them.

The review queue is where it is decided; triggers carry a decision over, whoever writes it, in the same transaction.
"""

from django.db import migrations

SQL = """
create table kept_apart (
    older uuid not null,
    younger uuid not null,
    since timestamptz not null default clock_timestamp(),
    primary key (older, younger),
    check (older < younger)
);
create function keep_apart() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' or (tg_op = 'UPDATE' and old.state = 'rejected' and new.state <> 'rejected') then
        delete from kept_apart where older = old.older and younger = old.younger;
    elsif new.state = 'rejected' then
        insert into kept_apart (older, younger, since) values (new.older, new.younger, coalesce(new.decided_at, now()))
            on conflict do nothing;
    end if;
    return null;
end $$;
create trigger a_rejected_pair_is_kept_apart after insert or delete or update of state on refine_proposal
    for each row execute function keep_apart();
insert into kept_apart (older, younger, since)
    select older, younger, coalesce(decided_at, now()) from refine_proposal where state = 'rejected';
"""
UNDO = """
drop trigger a_rejected_pair_is_kept_apart on refine_proposal;
drop function keep_apart();
drop table kept_apart;
"""


class Migration(migrations.Migration):
    dependencies = [("vault", "0009_do_not_contact"), ("refine", "0001_linkage")]
    operations = [migrations.RunSQL(SQL, UNDO)]
