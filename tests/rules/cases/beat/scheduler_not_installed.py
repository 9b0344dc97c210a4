# project/settings.py
INSTALLED_APPS = ["shop"]
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"  # DJC609
CELERY_RESULT_BACKEND = "django-db"  # DJC609

# project/other_settings.py
CELERY_BEAT_SCHEDULER = "celery.beat.PersistentScheduler"
CELERY_RESULT_BACKEND = "redis://localhost"
