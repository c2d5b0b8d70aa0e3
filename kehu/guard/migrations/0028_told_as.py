"""With which severity an alert was told by each way: one that grew since is told again."""

from django.db import migrations

SQL = """
alter table watch_alert
    add mailed_as smallint check (mailed_as between 1 and severity),
    add posted_as smallint check (posted_as between 1 and severity);
drop index watch_alert_untold;
create index watch_alert_opened on watch_alert (opened_at);
grant update (mailed_as, posted_as) on watch_alert to kehu_app;

create function told_as_only_rises() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if new.mailed_as is null and old.mailed_as is not null or new.mailed_as < old.mailed_as
        or new.posted_as is null and old.posted_as is not null or new.posted_as < old.posted_as then
        raise exception 'what was told stays told' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger watch_alert_told_as before update of mailed_as, posted_as on watch_alert
    for each row execute function told_as_only_rises();
"""
BACK = """
drop trigger watch_alert_told_as on watch_alert; drop function told_as_only_rises(); drop index watch_alert_opened;
create index watch_alert_untold on watch_alert (opened_at) where told_at is null;
alter table watch_alert drop mailed_as, drop posted_as;
"""


class Migration(migrations.Migration):
    dependencies = [("guard", "0027_seldom")]
    operations = [migrations.RunSQL(SQL, BACK)]
