# project/settings/base.py
CELERY_TASK_ALWAYS_EAGER = True  # DJC704

# project/settings/test.py
CELERY_TASK_ALWAYS_EAGER = True

# project/settings/local.py
CELERY_TASK_ALWAYS_EAGER = True

# project/settings/off.py
CELERY_TASK_ALWAYS_EAGER = False

# project/settings/env.py
import os

DEBUG = os.environ.get("DEBUG")
if DEBUG:
    CELERY_TASK_ALWAYS_EAGER = True

# tests/settings.py
CELERY_TASK_ALWAYS_EAGER = True
