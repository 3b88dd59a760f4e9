from django.db import migrations

import urgentaction.core.fields

# Django would ask the field to seal the default for rows it does not know; empty text is stored as no bytes.
FORWARD = """
ALTER TABLE cases_person ADD COLUMN confidential_spellings bytea NOT NULL DEFAULT ''::bytea;
ALTER TABLE cases_person ALTER COLUMN confidential_spellings DROP DEFAULT;
"""


class Migration(migrations.Migration):
    dependencies = [("cases", "0001_initial")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(FORWARD, "ALTER TABLE cases_person DROP COLUMN confidential_spellings")
            ],
            state_operations=[
                migrations.AddField(
                    model_name="person",
                    name="confidential_spellings",
                    field=urgentaction.core.fields.EncryptedTextField(blank=True, default=""),
                )
            ],
        )
    ]
