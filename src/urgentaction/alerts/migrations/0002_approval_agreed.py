from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("alerts", "0001_initial")]

    operations = [
        migrations.AddField(model_name="approval", name="agreed", field=models.JSONField(blank=True, null=True)),
    ]
