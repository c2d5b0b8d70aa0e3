"""What the checked read asks of few customers, as functions: a plan has to begin each step that it may need, a call none."""

from django.db import migrations

SQL = """
-- Separate consents to a purpose that are in force, as [event, recipient, country, fields, by a guardian].
create function separate_in_force(said jsonb, version integer) returns jsonb
    language sql stable parallel safe set search_path = public, pg_temp as $$
    select jsonb_agg(distinct jsonb_build_array(e -> 'event', e -> 'recipient', e -> 'country', e -> 'fields',
        e -> 'guardian'))
    from jsonb_array_elements(said) e
    where coalesce((e ->> 'until')::float8 > extract(epoch from clock_timestamp()), true)
        and (e ->> 'version')::int >= separate_in_force.version
$$;

-- Those that every origin subject of a customer has.
create function separate_of_all(said jsonb) returns jsonb
    language sql stable parallel safe set search_path = public, pg_temp as $$
    select jsonb_agg(f.term order by f.term) from (
        select e as term from jsonb_array_elements(said) o, jsonb_array_elements(o) e
        group by e having count(*) = jsonb_array_length(said)) f
$$;

-- Of an origin subject's sources, what is to be said of each for a purpose, as bits: 1 a public place; 2 nobody told them yet;
-- 4 the source, or the import, is not for this purpose (one that is in no register is for none); 8 a Chinese source, and with
-- it they did not agree to this purpose.
create function said_of_sources(sources jsonb, purpose integer) returns jsonb
    language sql stable parallel safe set search_path = public, pg_temp as $$
    select jsonb_object_agg(x.key,
        (coalesce(s.kind = 'public', x.key = '-1'))::int
        + (x.value ->> 'told' is null)::int * 2
        + (not coalesce(s.stopped_at is null and s.purposes @> to_jsonb(said_of_sources.purpose)
            and coalesce((x.value -> 'for') @> to_jsonb(said_of_sources.purpose), true), false))::int * 4
        + (coalesce(s.kind = 'third-party' and s.country = 'CN', false)
            and not coalesce((x.value -> 'agreed') @> to_jsonb(said_of_sources.purpose), false))::int * 8)
    from jsonb_each(sources) x left join govern_source s on s.id = x.key::int
$$;

-- The same of a whole customer, each once, the least first.
create function said_of_all(said jsonb) returns integer[]
    language sql stable parallel safe set search_path = public, pg_temp as $$
    select array_agg(distinct e.value::int order by e.value::int)
    from jsonb_array_elements(said) o, jsonb_each(o) e
$$;
"""

BACK = """
drop function separate_in_force(jsonb, integer);
drop function separate_of_all(jsonb);
drop function said_of_sources(jsonb, integer);
drop function said_of_all(jsonb);
"""


class Migration(migrations.Migration):
    dependencies = [("guard", "0026_quotas"), ("govern", "0014_raised_fields")]
    operations = [migrations.RunSQL(SQL, BACK)]
