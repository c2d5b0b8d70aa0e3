"""What bulk writing left in the blind index's pending list is put in its place: a search reads that list from end to end."""

from django.db import migrations

SQL = """
create function settle_record_tokens() returns bigint
    language sql security definer set search_path = pg_catalog, pg_temp as $$
    select gin_clean_pending_list('public.record_tokens'::regclass)
$$;
revoke all on function settle_record_tokens() from public;
grant execute on function settle_record_tokens() to kehu_app;
"""


class Migration(migrations.Migration):
    dependencies = [("vault", "0005_tombstones_end")]
    operations = [migrations.RunSQL(SQL, "drop function settle_record_tokens()")]
