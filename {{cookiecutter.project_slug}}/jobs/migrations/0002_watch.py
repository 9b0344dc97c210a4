# What watches the jobs: counts, heartbeats, and how long a job waits.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                ("worker", models.CharField(max_length=200, primary_key=True, serialize=False)),
                ("queues", models.JSONField(default=list)),
                ("consuming", models.BooleanField(default=False)),
                ("concurrency", models.PositiveIntegerField(default=0)),
                ("running", models.PositiveIntegerField(default=0)),
                ("jobs", models.JSONField(default=list)),
                ("fetched", models.JSONField(default=dict)),
                ("started_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name="MinuteTally",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("minute", models.DateTimeField()),
                ("queue", models.CharField(max_length=100)),
                ("done", models.PositiveIntegerField(default=0)),
                ("failed", models.PositiveIntegerField(default=0)),
                ("retried", models.PositiveIntegerField(default=0)),
            ],
            options={
                "verbose_name_plural": "minute tallies",
            },
        ),
        migrations.CreateModel(
            name="Tally",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("queue", models.CharField(max_length=100)),
                ("task", models.CharField(max_length=200)),
                ("outcome", models.CharField(max_length=10)),
                ("count", models.PositiveBigIntegerField(default=0)),
                ("seconds", models.FloatField(default=0)),
                ("buckets", models.JSONField(default=dict)),
            ],
            options={
                "verbose_name_plural": "tallies",
            },
        ),
        migrations.AddField(
            model_name="job",
            name="waiting_since",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(condition=models.Q(("state", "dead")), fields=["queue"], name="jobs_dead_in_queue"),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("started_at__isnull", True), ("state", "waiting")),
                fields=["queue", "waiting_since"],
                name="jobs_waiting_in_queue",
            ),
        ),
        migrations.AddConstraint(
            model_name="minutetally",
            constraint=models.UniqueConstraint(fields=("minute", "queue"), name="jobs_one_minute_tally"),
        ),
        migrations.AddConstraint(
            model_name="tally",
            constraint=models.UniqueConstraint(fields=("queue", "task", "outcome"), name="jobs_one_tally"),
        ),
    ]
