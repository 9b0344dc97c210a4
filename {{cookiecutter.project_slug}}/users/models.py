"""The user of this project. It adds nothing yet, but replacing Django's own user model later would be hard."""

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    pass
