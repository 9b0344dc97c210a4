# requirements.txt
Django>=6.1,<7

# project/settings.py
EMAIL_HOST = "mail.example.org"  # DJC716
EMAIL_PORT = 25
EMAIL_SUBJECT_PREFIX = "[shop]"

# project/settings_test.py
EMAIL_HOST = "mail.example.org"
