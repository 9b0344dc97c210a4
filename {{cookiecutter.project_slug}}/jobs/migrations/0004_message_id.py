# By which of its messages a job began last: the broker says of a message that its process is gone, not of a job.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0003_subject_and_page")]

    operations = [
        migrations.AddField(
            model_name="job",
            name="message_id",
            # The database has the default too: the old code writes rows while a deploy goes on.
            field=models.CharField(blank=True, db_default="", default="", max_length=36),
        ),
    ]
