# project/settings/base.py
INSTALLED_APPS = []
LOGGING = {"version": 1, "root": {"handlers": ["file"]}}  # DJC714

# project/settings/other.py
LOGGING = {"version": 1}
