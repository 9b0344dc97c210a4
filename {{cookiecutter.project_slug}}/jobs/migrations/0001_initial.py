# The first state of this app.

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Claim",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=200, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True, db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name="Lease",
            fields=[
                ("name", models.CharField(max_length=50, primary_key=True, serialize=False)),
                ("holder", models.CharField(max_length=100)),
                ("expires_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Redelivery",
            fields=[
                ("task_id", models.CharField(max_length=200, primary_key=True, serialize=False)),
                ("task", models.CharField(max_length=200)),
                ("count_so_far", models.PositiveIntegerField(default=0)),
                ("last_at", models.DateTimeField(auto_now=True, db_index=True)),
            ],
            options={
                "verbose_name_plural": "redeliveries",
            },
        ),
        migrations.CreateModel(
            name="ScheduleState",
            fields=[
                ("entry", models.CharField(max_length=200, primary_key=True, serialize=False)),
                ("last_run_at", models.DateTimeField()),
                ("runs", models.PositiveBigIntegerField(default=0)),
            ],
        ),
    ]
