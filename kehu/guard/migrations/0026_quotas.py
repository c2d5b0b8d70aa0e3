"""How many customers a person may use in an hour and a day, and what was taken of it."""

from django.db import migrations

SQL = """
create table quota_limit (                  -- what an office set in place of what ships; the newest row of its kind counts
    id bigint generated always as identity primary key,
    role text not null check (role not in ('owner', 'customer')),
    purpose smallint,                       -- null: every purpose that has no row of its own
    meter smallint not null check (meter in (1, 2)),  -- opened, listed
    per_hour integer check (per_hour > 0),  -- null: as many as there are
    per_day integer check (per_day > 0),
    back boolean not null default false,    -- from then on what ships counts again
    set_by uuid not null references guard_staff (id),
    at timestamptz not null default clock_timestamp(),
    check (coalesce(per_hour <= per_day, true)),
    check (not back or (per_hour is null and per_day is null))
);
create index quota_limit_newest on quota_limit (role, meter, purpose, id desc);
create function check_quota_limit() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if not exists (select 1 from guard_staff s where s.id = new.set_by and s.is_active
        and s.role in ('privacy', 'owner') and s.role <> new.role) then
        raise exception 'the role sets no quotas, or not its own' using errcode = 'check_violation';
    end if;
    new.at := clock_timestamp();
    return new;
end $$;
create trigger quota_limit_hands before insert on quota_limit for each row execute function check_quota_limit();
revoke update, delete, truncate on quota_limit from kehu_app;

create table quota_taken (                  -- by hours of the clock; what processes have leased counts as taken
    human uuid not null references guard_staff (id),
    purpose smallint not null,
    meter smallint not null,
    hour timestamptz not null,
    taken integer not null default 0 check (taken >= 0),
    refused integer not null default 0,
    primary key (human, purpose, meter, hour)
);
revoke insert, update, delete, truncate on quota_taken from kehu_app;

-- Take at least `needed` and at best `wanted` customers, or none and count the refusal. One at a time for each person,
-- purpose and meter; what ships (null: no quota) counts where no office set another.
create function take_quota(who uuid, part text, why smallint, metered smallint, needed integer, wanted integer,
    shipped_hour integer, shipped_day integer, out granted integer, out refusals integer, out seconds integer)
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    now_hour timestamptz := date_trunc('hour', clock_timestamp());
    most_hour integer := shipped_hour;
    most_day integer := shipped_day;
    in_hour integer;
    in_day bigint;
    room bigint;
    held quota_limit;
begin
    select l.* into held from quota_limit l where l.role = part and l.meter = metered and (l.purpose = why or l.purpose is null)
        order by l.purpose is null, l.id desc limit 1;
    if found and held.back and held.purpose is not null then  -- back to what holds for every purpose
        select l.* into held from quota_limit l where l.role = part and l.meter = metered and l.purpose is null
            order by l.id desc limit 1;
    end if;
    if found and not held.back then
        most_hour := held.per_hour;
        most_day := held.per_day;
    end if;
    insert into quota_taken (human, purpose, meter, hour) values (who, why, metered, now_hour) on conflict do nothing;
    select t.taken, t.refused into in_hour, refusals from quota_taken t
        where t.human = who and t.purpose = why and t.meter = metered and t.hour = now_hour for update;
    select coalesce(sum(t.taken), 0) into in_day from quota_taken t
        where t.human = who and t.purpose = why and t.meter = metered and t.hour > now_hour - interval '24 hours';
    room := least(coalesce(most_hour - in_hour, wanted), coalesce(most_day - in_day, wanted), wanted);
    if room < needed then
        granted := 0;
        refusals := refusals + 1;
        update quota_taken t set refused = refusals
            where t.human = who and t.purpose = why and t.meter = metered and t.hour = now_hour;
        seconds := ceil(extract(epoch from now_hour + interval '1 hour' - clock_timestamp()));
        if coalesce(most_day - in_day < needed, false) then  -- until so much of the day has passed out of it
            select ceil(extract(epoch from x.hour + interval '24 hours' - clock_timestamp())) into seconds from (
                select t.hour, sum(t.taken) over (order by t.hour) as gone from quota_taken t where t.human = who
                and t.purpose = why and t.meter = metered and t.hour > now_hour - interval '24 hours') x
                where x.gone >= needed - (most_day - in_day) order by x.hour limit 1;
            seconds := coalesce(seconds, 86400);
        end if;
        return;
    end if;
    granted := room;
    seconds := 0;
    update quota_taken t set taken = t.taken + granted
        where t.human = who and t.purpose = why and t.meter = metered and t.hour = now_hour;
end $$;

create function forget_quotas() returns bigint language sql security definer set search_path = public, pg_temp as $$
    with gone as (delete from quota_taken where hour < clock_timestamp() - interval '48 hours' returning 1)
    select count(*) from gone
$$;
"""
BACK = """
drop function forget_quotas(); drop function take_quota; drop table quota_taken; drop table quota_limit;
drop function check_quota_limit();
"""


class Migration(migrations.Migration):
    dependencies = [("guard", "0025_posts")]
    operations = [migrations.RunSQL(SQL, BACK)]
