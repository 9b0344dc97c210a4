"""The user of this project. It adds nothing yet; changing it later, without a class of our own, would be hard."""

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    pass
