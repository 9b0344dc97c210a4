# project/settings/test.py
CELERY_TASK_ALWAYS_EAGER = True  # DJC705

# project/settings/base.py
CELERY_TASK_ALWAYS_EAGER = False
