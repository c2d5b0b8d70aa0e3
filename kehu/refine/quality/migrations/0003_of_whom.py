"""A rule may ask something of one segment alone; of whom it asks is part of what a version says, and stays."""

from django.db import migrations, models

SAYS = """
create or replace function check_quality_rule() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if tg_op = 'UPDATE' then
        if (new.id, new.slug, new.version, new.labels, new.condition, new.fields, new.dimension, new.severity, new.passes,
            new.fails, new.made_by, new.made_at{new}) is distinct from (old.id, old.slug, old.version, old.labels,
            old.condition, old.fields, old.dimension, old.severity, old.passes, old.fails, old.made_by, old.made_at{old}) then
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
"""


class Migration(migrations.Migration):
    dependencies = [("quality", "0002_hands")]

    operations = [
        migrations.AddField(
            "rule",
            "segment",
            models.CharField(
                max_length=20,
                blank=True,
                default="",
                db_default="",
                help_text="whom it asks something of; empty: everybody",
            ),
        ),
        migrations.AddConstraint(
            "rule",
            models.CheckConstraint(
                condition=models.Q(segment__regex=r"^(kind:[12]|controller:[0-9]{1,4}|law:[A-Z]{2})?$"),
                name="quality_rule_segment_known",
            ),
        ),
        migrations.RunSQL(SAYS.format(new=", new.segment", old=", old.segment"), SAYS.format(new="", old="")),
    ]
