# project/settings.py
CELERY_TASK_TIME_LIMIT = 300
CELERY_WORKER_POOL = "solo"  # DJC514

# project/settings_local.py
CELERY_WORKER_POOL = "solo"

# compose.yaml
services:
  one:  # DJC514
    command: celery -A project worker -P threads -c 20
  two:  # DJC514
    command: celery -A project worker --pool=gevent
  three:
    command: celery -A project worker -P prefork
  four:
    command: celery -A project worker
