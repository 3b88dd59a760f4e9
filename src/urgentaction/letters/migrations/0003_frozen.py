from django.db import migrations, models
import django.db.models.deletion

# Rows from before this migration get the hashes that new ones are written with.
HASHES = """
UPDATE letters_letter SET
    text_sha256 = encode(sha256(convert_to(text, 'UTF8')), 'hex'),
    fax_sha256 = CASE WHEN length(fax_pdf) = 0 THEN '' ELSE encode(sha256(fax_pdf), 'hex') END,
    fax_repeat_sha256 = CASE WHEN length(fax_repeat_pdf) = 0 THEN '' ELSE encode(sha256(fax_repeat_pdf), 'hex') END
"""
# Row by row: TRUNCATE and ALTER TABLE, which are for owners of the database and not for the program, go on working.
# restrict_violation, because what is wanted breaks a rule and can be asked for again in vain.
FREEZE = """
CREATE FUNCTION ua_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% % is frozen: it is never changed or deleted; write a new one that supersedes it',
        TG_ARGV[0], OLD.id USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER letters_letter_frozen BEFORE UPDATE OR DELETE ON letters_letter
    FOR EACH ROW EXECUTE FUNCTION ua_frozen('letter');
CREATE TRIGGER letters_notice_frozen BEFORE UPDATE OR DELETE ON letters_notice
    FOR EACH ROW EXECUTE FUNCTION ua_frozen('notice');
"""
THAW = """
DROP TRIGGER letters_letter_frozen ON letters_letter;
DROP TRIGGER letters_notice_frozen ON letters_notice;
DROP FUNCTION ua_frozen();
"""


def _hash(name: str) -> migrations.AddField:
    return migrations.AddField("letter", name, models.CharField(default="", max_length=64))


class Migration(migrations.Migration):
    dependencies = [("letters", "0002_templates")]
    operations = [
        _hash("text_sha256"),
        _hash("fax_sha256"),
        _hash("fax_repeat_sha256"),
        migrations.AlterField(
            "letter",
            "supersedes",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="superseded_by",
                to="letters.letter",
            ),
        ),
        migrations.RunSQL(HASHES, migrations.RunSQL.noop),
        migrations.RunSQL(FREEZE, THAW),
    ]
