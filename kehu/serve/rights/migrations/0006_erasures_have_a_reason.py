"""No erasure is asked for without a reason; those of an older program that have none run to their end."""

from django.db import migrations

# Told at the end of the transaction: one that an older copy lacks is written down and done in one, its reason known to nobody.
SQL = """
create function erasure_has_a_reason() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if (tg_op = 'INSERT' or old.reason is not null)
            and exists (select from rights_erasure e where e.id = new.id and e.state <> 'done' and e.reason is null) then
        raise exception 'an erasure needs a reason' using errcode = 'check_violation';
    end if;
    return null;
end $$;
create constraint trigger rights_erasure_reason after insert or update of reason on rights_erasure
    deferrable initially deferred for each row execute function erasure_has_a_reason();
"""
BACK = """
drop trigger rights_erasure_reason on rights_erasure;
drop function erasure_has_a_reason();
"""


class Migration(migrations.Migration):
    dependencies = [("rights", "0005_reports_taken_back")]
    operations = [migrations.RunSQL(SQL, BACK)]
