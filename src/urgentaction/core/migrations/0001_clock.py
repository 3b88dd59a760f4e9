from django.db import migrations

# statement_timestamp() and not now(): a long transaction must not see leases by the time it began.
FORWARD = """
CREATE FUNCTION ua_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT statement_timestamp()
        + coalesce(nullif(current_setting('urgentaction.clock_offset', true), ''), '0')::interval
$$
"""


class Migration(migrations.Migration):
    dependencies = []
    operations = [migrations.RunSQL(FORWARD, "DROP FUNCTION ua_now()")]
