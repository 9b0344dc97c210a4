# What a job is about, so that a person finds it, and the name of the page that shows what the jobs are doing.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0002_watch")]

    operations = [
        migrations.CreateModel(
            name="Watch",
            fields=[],
            options={
                "verbose_name": "what the jobs are doing",
                "verbose_name_plural": "what the jobs are doing",
                "proxy": True,
                "default_permissions": (),
                "indexes": [],
                "constraints": [],
            },
            bases=("jobs.job",),
        ),
        migrations.AddField(
            model_name="job",
            name="subject",
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["subject", "-created_at"], name="jobs_subject"),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("key__isnull", False)), fields=["key", "-created_at"], name="jobs_key"
            ),
        ),
        # With the id, so that a page of dead letters ends at once also where many were made at the same moment.
        migrations.RemoveIndex(model_name="job", name="jobs_dead"),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(condition=models.Q(("state", "dead")), fields=["-created_at", "-id"], name="jobs_dead"),
        ),
    ]
