from celery import Celery
from celery.schedules import crontab
from elsewhere import crontab as other

app = Celery("x")
FIELDS = {"minute": 0}

SCHEDULES = [
    crontab(hour=3),  # DJC602
    crontab(day_of_week="monday"),  # DJC602
    crontab(  # DJC602
        hour="*/2",
    ),
    crontab(),
    crontab(minute=0, hour=3),
    crontab(0, 3),
    crontab(hour="*"),
    crontab(hour=3, **FIELDS),
    other(hour=3),
]
