# shop/settings/base.py
import os

ATOMIC_REQUESTS = os.environ.get("ATOMIC") == "1"  # DJC105
INSTALLED_APPS = []

# shop/settings/copied.py
ATOMIC_REQUESTS = True
DATABASES = {"default": {"ATOMIC_REQUESTS": ATOMIC_REQUESTS}}

# shop/settings/right.py
DATABASES = {"default": {"ENGINE": "x"}}
DATABASES["default"]["ATOMIC_REQUESTS"] = True
