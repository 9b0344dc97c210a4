# The first state of this app.

import uuid
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
        migrations.CreateModel(
            name="Job",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("task", models.CharField(max_length=200)),
                ("args", models.JSONField(default=list)),
                ("kwargs", models.JSONField(default=dict)),
                ("options", models.JSONField(default=dict)),
                ("queue", models.CharField(max_length=100)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("delayed", "delayed"),
                            ("waiting", "waiting or running"),
                            ("done", "done"),
                            ("dead", "dead"),
                            ("discarded", "discarded"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("key", models.CharField(blank=True, max_length=200, null=True)),
                ("publish_at", models.DateTimeField()),
                ("publications", models.PositiveIntegerField(default=0)),
                ("attempts", models.PositiveIntegerField(default=0, verbose_name="retries")),
                ("starts", models.PositiveIntegerField(default=0)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("worker", models.CharField(blank=True, max_length=100)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("error", models.CharField(blank=True, max_length=500)),
                ("traceback", models.TextField(blank=True)),
                ("dispatched_by", models.CharField(blank=True, max_length=200)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "permissions": [("requeue_job", "Can send dead jobs again"), ("discard_job", "Can discard dead jobs")],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["delayed", "waiting"])),
                        fields=["publish_at"],
                        name="jobs_to_publish",
                    ),
                    models.Index(
                        condition=models.Q(("state__in", ["delayed", "waiting"]), _negated=True),
                        fields=["finished_at"],
                        name="jobs_finished",
                    ),
                    models.Index(condition=models.Q(("state", "dead")), fields=["-created_at"], name="jobs_dead"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["delayed", "waiting"])),
                        fields=("key",),
                        name="jobs_unfinished_key",
                    )
                ],
            },
        ),
    ]
