"""An account keeps its first duty for good: by way of a role without one it went over to another in two steps."""

from django.db import migrations

SQL = """
alter table guard_staff add duty text check (duty in ('system', 'security', 'audit'));
update guard_staff s set duty = coalesce(duty_of(s.role), (select duty_of(c.role) from post_change c
    where c.staff = s.id and c.done and duty_of(c.role) is not null order by c.decided_at limit 1),
    -- the role it was made with stands on credentials that have ended alone
    (select duty_of(a.role) from actor_state a where a.staff = s.id and duty_of(a.role) is not null order by a.expires_at limit 1));

create or replace function keep_duties_apart() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        new.duty := duty_of(new.role);
        return new;
    end if;
    if old.duty <> duty_of(new.role) then
        raise exception 'another duty, another account' using errcode = 'check_violation';
    end if;
    new.duty := coalesce(old.duty, duty_of(new.role));
    return new;
end $$;
drop trigger guard_staff_duties on guard_staff;
create trigger guard_staff_duties before insert or update of role, duty on guard_staff
    for each row execute function keep_duties_apart();
"""
BACK = """
drop trigger guard_staff_duties on guard_staff;
create or replace function keep_duties_apart() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if duty_of(old.role) <> duty_of(new.role) then
        raise exception 'another duty, another account' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger guard_staff_duties before update of role on guard_staff
    for each row execute function keep_duties_apart();
alter table guard_staff drop duty;
"""


class Migration(migrations.Migration):
    dependencies = [("guard", "0028_told_as")]
    operations = [migrations.RunSQL(SQL, BACK)]
