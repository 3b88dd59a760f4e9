from django.db import migrations, models

FORWARD = """
CREATE FUNCTION ua_is_live() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM core_livesince)
$$
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0002_zone")]
    operations = [
        migrations.CreateModel(
            name="LiveSince",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("by", models.CharField(max_length=80)),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=models.Q(("id", 1)), name="live_since_once")],
            },
        ),
        migrations.RunSQL(FORWARD, "DROP FUNCTION ua_is_live()"),
    ]
