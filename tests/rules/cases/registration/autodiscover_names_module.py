# project/celery.py
from celery import Celery

app = Celery("project")
app.autodiscover_tasks(["shop.tasks", "orders"])  # DJC310
app.autodiscover_tasks(["shop.work.tasks"], related_name="jobs")
app.autodiscover_tasks(["deep.tasks"])
app.autodiscover_tasks()
app.autodiscover_tasks(lambda: ["x.tasks"])

# deep/tasks/__init__.py
x = 1

# deep/tasks/tasks.py
y = 1
