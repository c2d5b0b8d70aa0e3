"""What the database keeps of data quality: rules say what they said, are tried and owned before they count; and letting a
purpose use values nobody confirmed for longer is a wider use of it."""

from django.db import migrations

KINDS = "'channel', 'source', 'field', 'purpose', 'notice', 'policy', 'law', 'request', 'incident', 'proposal'"
OWNED = """
alter table owned drop constraint owned_kind_check;
alter table owned add constraint owned_kind_check check (kind in ({}));
"""
RULES = """
create function check_quality_rule() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if tg_op = 'UPDATE' then
        if (new.id, new.slug, new.version, new.labels, new.condition, new.fields, new.dimension, new.severity, new.passes,
            new.fails, new.made_by, new.made_at) is distinct from (old.id, old.slug, old.version, old.labels,
            old.condition, old.fields, old.dimension, old.severity, old.passes, old.fails, old.made_by, old.made_at) then
            raise exception 'a rule says what it said: another text is another version' using errcode = 'check_violation';
        end if;
        if old.state = 'retired' then
            raise exception 'a retired rule stays so' using errcode = 'check_violation';
        end if;
    elsif new.state <> 'draft' then
        raise exception 'a rule begins as a draft' using errcode = 'check_violation';
    end if;
    if new.state = 'in-force' and not exists (
            select 1 from owned o where o.kind = 'quality' and o.name = new.slug and o.deputy is not null) then
        raise exception 'nothing unowned comes in force' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger quality_rule_hands before insert or update on quality_rule for each row execute function check_quality_rule();
create trigger quality_rule_stays before delete or truncate on quality_rule for each statement
    execute function refuse_change();
"""
NO_RULES = """
drop trigger quality_rule_stays on quality_rule; drop trigger quality_rule_hands on quality_rule;
drop function check_quality_rule();
"""
WIDENS = """
create or replace function purpose_widens(was jsonb, becomes jsonb) returns text[] language sql immutable
    set search_path = public, pg_temp as $$
    select array_remove(array[
        case when not (was -> 'least') @> (becomes -> 'least') then 'least' end,
        case when not (was -> 'recipients') @> (becomes -> 'recipients') then 'recipients' end,
        case when not (was -> 'countries') @> (becomes -> 'countries') then 'countries' end,
        case when was -> 'grounds' <> becomes -> 'grounds' then 'grounds' end,
        case when was -> 'kind' <> becomes -> 'kind' then 'kind' end,
        case when not (was -> 'roles') @> (becomes -> 'roles') then 'roles' end,
        case when jsonb_array_length(was -> 'departments') > 0 and (jsonb_array_length(becomes -> 'departments') = 0
            or not (was -> 'departments') @> (becomes -> 'departments')) then 'departments' end,
        case when (becomes ->> 'retention_days')::int > (was ->> 'retention_days')::int then 'retention_days' end,{}
        case when (becomes ->> 'automated')::boolean and not (was ->> 'automated')::boolean then 'automated' end
    ], null)
$$;
"""
FRESH = """
        case when exists (select 1 from jsonb_each_text(coalesce(was -> 'fresh', '{}')) w (category, days)
            where coalesce((becomes -> 'fresh' ->> w.category)::int, 2147483647) > w.days::int) then 'fresh' end,"""
AS_BEFORE = OWNED.format(KINDS)
WITH_OURS = OWNED.format(KINDS + ", 'quality', 'verification', 'trait'")


class Migration(migrations.Migration):
    dependencies = [("quality", "0001_quality"), ("govern", "0011_sources"), ("guard", "0026_quotas")]

    operations = [
        migrations.RunSQL(WITH_OURS, AS_BEFORE),
        migrations.RunSQL(RULES, NO_RULES),
        migrations.RunSQL(WIDENS.format(FRESH), WIDENS.format("")),
    ]
