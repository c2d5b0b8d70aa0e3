"""Of signed heads older than thirty days the last of each hour stays; the database looks at age and hour itself."""

from django.db import migrations

SQL = """
create function refuse_needed_head() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if exists (select 1 from gone g where g.at >= clock_timestamp() - interval '30 days'
        or date_trunc('hour', g.at, 'UTC') is distinct from (select date_trunc('hour', n.at, 'UTC')
            from ledger_checkpoint n where n.size > g.size order by n.size limit 1))
    then
        raise exception 'ledger_checkpoint is append-only' using errcode = 'insufficient_privilege';
    end if;
    return null;
end $$;
drop trigger ledger_checkpoint_append_only on ledger_checkpoint;
create trigger ledger_checkpoint_append_only before update or truncate on ledger_checkpoint
    for each statement execute function refuse_change();
create trigger ledger_checkpoint_in_time after delete on ledger_checkpoint referencing old table as gone
    for each statement execute function refuse_needed_head();
grant delete on ledger_checkpoint to kehu_sequencer;
"""
BACK = """
revoke delete on ledger_checkpoint from kehu_sequencer;
drop trigger ledger_checkpoint_in_time on ledger_checkpoint;
drop trigger ledger_checkpoint_append_only on ledger_checkpoint;
create trigger ledger_checkpoint_append_only before update or delete or truncate on ledger_checkpoint
    for each statement execute function refuse_change();
drop function refuse_needed_head;
"""


class Migration(migrations.Migration):
    dependencies = [("guard", "0029_duty_stays")]
    operations = [migrations.RunSQL(SQL, BACK)]
