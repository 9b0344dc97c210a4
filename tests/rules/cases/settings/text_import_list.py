# project/settings/base.py
CELERY_IMPORTS = ("shop.jobs")  # DJC709
CELERY_INCLUDE = "shop.jobs"  # DJC709

# project/settings/other.py
CELERY_IMPORTS = ("shop.jobs",)
CELERY_INCLUDE = ["shop.jobs"]
