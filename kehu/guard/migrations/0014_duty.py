"""Where a member of staff works, and when: what the gate reads of every credential of theirs."""

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models

# A credential has the place and hours of its member of staff from its first moment, however it is made.
SQL = """
alter table actor_state
    add column place text not null default '' check (place ~ '^([A-Z]{2})?$'),
    add column zone text not null default '',
    add column duty_days smallint[],
    add column duty_from time,
    add column duty_to time,
    add check ((duty_from is null) = (duty_to is null) and (duty_from is null) = (zone = ''));

-- A shift over midnight belongs to the day on which it began; no days named are every day.
create function on_duty(zone text, days smallint[], starts time, ends time, at timestamptz) returns boolean
    language sql immutable parallel safe set search_path = pg_catalog as $$
    select case
        when starts is null then true
        when starts < ends then l.clock >= starts and l.clock < ends and (days is null or l.day = any (days))
        when l.clock >= starts then days is null or l.day = any (days)
        else l.clock < ends and (days is null or (case l.day when 1 then 7 else l.day - 1 end)::smallint = any (days))
    end
    from (select (at at time zone nullif(zone, ''))::time as clock,
        extract(isodow from at at time zone nullif(zone, ''))::smallint as day) l
$$;

create function credential_has_its_duty() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    select coalesce(s.place, ''), coalesce(s.zone, ''), s.duty_days, s.duty_from, s.duty_to
        into new.place, new.zone, new.duty_days, new.duty_from, new.duty_to
        from (select) one left join guard_staff s on s.id = new.staff;
    return new;
end $$;
create trigger actor_state_duty before insert on actor_state for each row execute function credential_has_its_duty();

create function duty_reaches_its_credentials() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    update actor_state set place = new.place, zone = new.zone, duty_days = new.duty_days, duty_from = new.duty_from,
        duty_to = new.duty_to where staff = new.id;
    return null;
end $$;
create trigger guard_staff_duty after update of place, zone, duty_days, duty_from, duty_to on guard_staff
    for each row execute function duty_reaches_its_credentials();
"""
UNDO = """
drop trigger guard_staff_duty on guard_staff;
drop trigger actor_state_duty on actor_state;
drop function duty_reaches_its_credentials();
drop function credential_has_its_duty();
drop function on_duty(text, smallint[], time, time, timestamptz);
alter table actor_state drop column place, drop column zone, drop column duty_days, drop column duty_from, drop column duty_to;
"""


class Migration(migrations.Migration):
    dependencies = [("guard", "0013_outside")]
    operations = [
        migrations.AddField("staff", "place", models.CharField(max_length=2, blank=True, db_default="")),
        migrations.AddField("staff", "zone", models.CharField(max_length=40, blank=True, db_default="")),
        migrations.AddField("staff", "duty_days", ArrayField(models.SmallIntegerField(), null=True)),
        migrations.AddField("staff", "duty_from", models.TimeField(null=True)),
        migrations.AddField("staff", "duty_to", models.TimeField(null=True)),
        migrations.RunSQL(SQL, UNDO),
    ]
