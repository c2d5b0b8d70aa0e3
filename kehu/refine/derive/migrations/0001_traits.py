"""Traits: declarations, what is kept of customers, and what makes it follow their word in the same transaction."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

SQL = """
-- What is kept of an origin subject, for one purpose: counts, sums, firsts and lasts, never a text that anybody typed.
-- Of several origin subjects of one customer they add up, so a merge and an un-merge have nothing to write here.
create table derive_state (
    subject uuid not null,
    purpose smallint not null check (purpose > 0),
    sensitive boolean not null,
    state jsonb not null check (jsonb_typeof(state) = 'object'),
    at timestamptz not null default clock_timestamp(),
    primary key (subject, purpose, sensitive)
);
-- What comes of it for the whole customer, as of a day.
create table derive_value (
    customer uuid not null,
    purpose smallint not null check (purpose > 0),
    sensitive boolean not null,
    "values" jsonb not null check (jsonb_typeof("values") = 'object'),
    day date not null,
    primary key (customer, purpose, sensitive)
);
create index derive_value_purpose on derive_value (purpose, sensitive, customer);
-- Whose traits are to be computed anew. Rows are only added and taken: nobody waits for anybody.
create table derive_due (
    seq bigint generated always as identity primary key,
    subject uuid not null,
    at timestamptz not null default clock_timestamp()
);

-- Whether traits of a purpose may stand on an origin subject; the gate asks more, this much holds at any moment.
-- 4 and 5: marketing, and what is made out of it for one person. None for the young; unknown age is an adult's.
create function derive_stands(s subject_state, purpose smallint, sensitive boolean) returns boolean
    language sql stable set search_path = public, pg_temp as $$
    select not (s.hidden or s.restricted or s.kept) and s.age in (0, 5) and not purpose = any (s.objections)
        and not (purpose in (4, 5) and (s.deceased or 4 = any (s.objections)))
        and coalesce(s.consents -> purpose::text ->> 0, 'given') = 'given'
        and coalesce((s.consents -> purpose::text ->> 2)::float8 > extract(epoch from clock_timestamp()), true)
        and (not sensitive or exists (select 1 from jsonb_array_elements(s.separate -> purpose::text) e
            where e ->> 'event' = 'sensitive'
            and coalesce((e ->> 'until')::float8 > extract(epoch from clock_timestamp()), true)))
$$;

-- What a customer says, and who belongs to whom, acts on traits in its own transaction.
create function derive_follow() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    delete from derive_state d where d.subject = new.subject and (not derive_stands(new, d.purpose, d.sensitive)
        or old.consents -> d.purpose::text ->> 0 = 'given' and new.consents -> d.purpose::text is null);
    delete from derive_value d where d.customer in (old.customer, new.customer) and (old.customer <> new.customer
        or not derive_stands(new, d.purpose, d.sensitive)
        or old.consents -> d.purpose::text ->> 0 = 'given' and new.consents -> d.purpose::text is null);
    if old.customer <> new.customer then  -- what is left of the one, and what comes of the other
        insert into derive_due (subject) values (new.subject), (old.customer), (new.customer);
    elsif exists (select 1 from record r where r.subject = new.subject and r.kind in (3, 4)) then
        insert into derive_due (subject) values (new.subject);
    end if;
    return null;
end $$;
create trigger subject_state_derive after update of customer, age, restricted, deceased, kept, hidden, objections,
    consents, separate on subject_state for each row
    when ((old.customer, old.age, old.restricted, old.deceased, old.kept, old.hidden, old.objections, old.consents,
        old.separate) is distinct from (new.customer, new.age, new.restricted, new.deceased, new.kept, new.hidden,
        new.objections, new.consents, new.separate))
    execute function derive_follow();

create function derive_gone() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    delete from derive_state where subject = old.subject;
    delete from derive_value where customer in (old.subject, old.customer);
    delete from derive_due where subject = old.subject;
    return null;
end $$;
create trigger subject_state_derive_gone after delete on subject_state for each row execute function derive_gone();

-- Events that came, by whatever way.
create function derive_came() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    insert into derive_due (subject) select distinct f.subject from fresh f where f.kind in (3, 4);
    return null;
end $$;
create trigger record_derive_came after insert on record referencing new table as fresh
    for each statement execute function derive_came();

-- Events that were taken back count no more from this moment on.
create function derive_hidden() returns trigger language plpgsql set search_path = public, pg_temp as $$
declare touched uuid[];
begin
    select array_agg(distinct n.subject) into touched from fresh n join before o using (subject, id)
        where n.kind in (3, 4) and n.hidden <> o.hidden;
    if touched is not null then
        delete from derive_state where subject = any (touched);
        delete from derive_value where customer in (select s.customer from subject_state s where s.subject = any (touched));
        insert into derive_due (subject) select unnest(touched);
    end if;
    return null;
end $$;
create trigger record_derive_hidden after update on record referencing old table as before new table as fresh
    for each statement execute function derive_hidden();

-- A state and a value are written by whoever finds that they may stand; what says otherwise is refused here, too.
create function derive_check() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if not exists (select 1 from subject_state s where s.subject = new.subject
        and derive_stands(s, new.purpose, new.sensitive)) then
        raise exception 'no trait may stand on this subject' using errcode = 'check_violation';
    end if;
    return null;
end $$;
create constraint trigger derive_state_stands after insert or update on derive_state deferrable initially immediate
    for each row execute function derive_check();

-- A trait's people hand over first.
create function derive_owned() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if exists (select 1 from derive_trait t where t.state = 'in-force' and old.id in (t.owner, t.deputy)) then
        raise exception 'what is owned is handed over first' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger guard_staff_derive before update of is_active on guard_staff for each row
    when (old.is_active and not new.is_active) execute function derive_owned();

create trigger derive_version_append_only before update or delete or truncate on derive_traitversion
    for each statement execute function refuse_change();
"""

UNDO = """
drop trigger guard_staff_derive on guard_staff; drop trigger record_derive_hidden on record;
drop trigger record_derive_came on record; drop trigger subject_state_derive_gone on subject_state;
drop trigger subject_state_derive on subject_state;
drop table derive_due; drop table derive_value; drop table derive_state;
drop function derive_owned(); drop function derive_check(); drop function derive_hidden(); drop function derive_came();
drop function derive_gone(); drop function derive_follow(); drop function derive_stands(subject_state, smallint, boolean);
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [("vault", "0009_do_not_contact"), ("govern", "0011_sources"), ("guard", "0026_quotas")]

    operations = [
        migrations.CreateModel(
            name="Trait",
            fields=[
                ("slug", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("state", models.CharField(default="waiting", max_length=10)),
                ("version", models.PositiveSmallIntegerField(default=1, help_text="the one in force")),
                ("purpose", models.PositiveSmallIntegerField()),
                ("sensitive", models.BooleanField(default=False, help_text="reveals something of level 4")),
                ("owner", models.UUIDField(null=True)),
                ("deputy", models.UUIDField(null=True)),
                ("cuts", models.JSONField(default=dict, help_text="key -> the values that part customers into fifths")),
                ("since", models.DateTimeField(auto_now=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["waiting", "in-force", "retired"])), name="trait_state_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "in-force"), _negated=True),
                            models.Q(
                                ("deputy__isnull", False),
                                ("owner__isnull", False),
                                models.Q(("owner", models.F("deputy")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="trait_in_force_is_owned",
                    ),
                    models.CheckConstraint(condition=models.Q(("purpose__gt", 0)), name="trait_has_a_purpose"),
                ],
            },
        ),
        migrations.CreateModel(
            name="TraitVersion",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("version", models.PositiveSmallIntegerField()),
                ("labels", models.JSONField()),
                ("descriptions", models.JSONField()),
                ("level", models.PositiveSmallIntegerField()),
                ("language", models.CharField(max_length=6)),
                ("source", models.CharField(blank=True, max_length=12)),
                ("expression", models.TextField()),
                (
                    "inputs",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40),
                        help_text="fields of the dictionary it is read from",
                        size=None,
                    ),
                ),
                (
                    "needs",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40),
                        default=list,
                        help_text="other traits it is made of",
                        size=None,
                    ),
                ),
                (
                    "bands",
                    django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), default=list, size=None),
                ),
                ("unit", models.CharField(max_length=8)),
                ("retention_days", models.PositiveIntegerField()),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("by", models.UUIDField()),
                ("reason", models.CharField(blank=True, max_length=400)),
                (
                    "trait",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="versions", to="derive.trait"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("trait", "version"), name="one_trait_a_version"),
                    models.CheckConstraint(
                        condition=models.Q(("level__gte", 2), ("level__lte", 4)), name="trait_level_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("language__in", ["sql", "python"])), name="trait_language_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("unit__in", ["days", "count", "money", "word", "fifth", "none"])),
                        name="trait_unit_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("retention_days__gte", 1), ("retention_days__lte", 36500)),
                        name="trait_retention_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "inputs__contained_by",
                                [
                                    "amount",
                                    "at",
                                    "currency",
                                    "discount",
                                    "kind",
                                    "order_status",
                                    "ordered_at",
                                    "product",
                                    "quantity",
                                    "rating",
                                    "topic",
                                ],
                            )
                        ),
                        name="trait_inputs_name_nobody",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("inputs__len__gt", 0), ("needs__len__gt", 0), _connector="OR"),
                        name="trait_is_made_of_something",
                    ),
                ],
            },
        ),
        migrations.RunSQL(SQL, UNDO),
    ]
