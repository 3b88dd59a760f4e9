from django.db import migrations

# What the public read is evidence as well. The function is that of `0003_frozen`; a publication's row goes on changing,
# because that is how it is withdrawn.
FREEZE = """
CREATE TRIGGER letters_publicedition_frozen BEFORE UPDATE OR DELETE ON letters_publicedition
    FOR EACH ROW EXECUTE FUNCTION ua_frozen('published letter');
"""
THAW = "DROP TRIGGER letters_publicedition_frozen ON letters_publicedition"


class Migration(migrations.Migration):
    dependencies = [("letters", "0004_publication")]
    operations = [migrations.RunSQL(FREEZE, THAW)]
