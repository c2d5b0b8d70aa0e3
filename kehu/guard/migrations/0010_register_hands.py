"""Whoever proposes, assesses or decides in the register is an active member of staff, in the role the row says."""

from django.db import migrations

SQL = """
create function check_register_hand() returns trigger language plpgsql
    set search_path = public, pg_temp as $$
begin
    if tg_table_name = 'govern_change' then
        if not new.shipped and not exists (select 1 from guard_staff f where f.id = new.proposed_by and f.is_active) then
            raise exception 'no active member of staff proposed it' using errcode = 'check_violation';
        end if;
    elsif not exists (select 1 from guard_staff f where f.id = new."by" and f.role = new.role and f.is_active) then
        raise exception 'no active member of staff of that role' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger govern_change_hand before insert on govern_change for each row execute function check_register_hand();
create trigger govern_step_hand before insert on govern_step for each row execute function check_register_hand();
"""


class Migration(migrations.Migration):
    dependencies = [("guard", "0009_tile_roots"), ("govern", "0007_register")]
    operations = [migrations.RunSQL(SQL, "drop function check_register_hand cascade")]
