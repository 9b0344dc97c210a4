# project/settings.py
INSTALLED_APPS = ["django_celery_beat"]
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_SCHEDULE = {  # DJC610
    "nightly": {"task": "billing.close", "schedule": 60, "options": {"expires": 50}},
}
