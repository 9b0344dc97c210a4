# project/settings.py
CELERY_BROKER_URL = "django://"  # DJC708

# project/other_settings.py
CELERY_BROKER_URL = "redis://"
