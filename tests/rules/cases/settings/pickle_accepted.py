# project/settings.py
CELERY_ACCEPT_CONTENT = [
    "json",
    "pickle",  # DJC706
]
CELERY_TASK_SERIALIZER = "pickle"  # DJC706
CELERY_RESULT_SERIALIZER = "json"
