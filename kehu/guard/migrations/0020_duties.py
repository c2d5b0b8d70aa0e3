"""Three duties that no account combines: running the system, deciding on access, and auditing both.

An account has one role, and a role at most one duty. A credential has the role of its account, whatever a program writes;
and no account goes over from one duty to another: whoever takes one up gets a new account, so that nobody audits what they
did themselves under the same name.
"""

from django.db import migrations

SQL = """
create function duty_of(role text) returns text language sql immutable parallel safe set search_path = pg_catalog as $$
    select case when role in ('engineer', 'owner') then 'system' when role in ('privacy', 'legal') then 'security'
        when role = 'auditor' then 'audit' end
$$;

create function keep_duties_apart() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if duty_of(old.role) <> duty_of(new.role) then
        raise exception 'another duty, another account' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger guard_staff_duties before update of role on guard_staff
    for each row execute function keep_duties_apart();

create function credential_has_its_role() returns trigger language plpgsql set search_path = public, pg_temp as $$
declare
    own text;
begin
    select s.role into own from guard_staff s where s.id = new.staff;
    if new.role <> coalesce(own, 'customer') or (own is not null and new.human <> new.staff) then
        raise exception 'a credential has the role of its account' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger actor_state_role before insert or update of role, staff, human on actor_state
    for each row execute function credential_has_its_role();
"""
BACK = """
drop trigger actor_state_role on actor_state; drop function credential_has_its_role();
drop trigger guard_staff_duties on guard_staff; drop function keep_duties_apart(); drop function duty_of(text);
"""


class Migration(migrations.Migration):
    dependencies = [("guard", "0019_withheld")]
    operations = [migrations.RunSQL(SQL, BACK)]
