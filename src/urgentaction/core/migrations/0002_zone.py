from django.db import migrations

# The zones that this program takes are Python's, and the server may have an older list, or lack one that this machine
# has. One row with such a zone must not break the statement that all others are made by.
FORWARD = """
CREATE FUNCTION ua_zone(name text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    PERFORM now() AT TIME ZONE name;
    RETURN name;
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN 'UTC';
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0001_clock")]
    operations = [migrations.RunSQL(FORWARD, "DROP FUNCTION ua_zone(text)")]
