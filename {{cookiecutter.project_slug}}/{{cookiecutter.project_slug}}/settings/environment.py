"""Read the settings' values from environment variables and from the file .env in the project's folder."""

from pathlib import Path
from typing import Any

import django
import environ

BASE_DIR = Path(__file__).resolve().parent.parent.parent


class Env(environ.Env):
    """Treat an empty environment variable as absent: compose passes `${NAME:-}` on as an empty string."""

    def get_value(self, var: str, cast: Any = None, default: Any = environ.Env.NOTSET, **options: Any) -> Any:
        if default is not self.NOTSET and not self.ENVIRON.get(var):
            return default
        return super().get_value(var, cast=cast, default=default, **options)


env = Env()
# On a laptop the variables may be in a file that git ignores. Variables that are already set win.
env.read_env(BASE_DIR / ".env")

# The options of Django's SMTP mailer, by the setting EMAIL_* that each replaces.
SMTP_OPTIONS = {
    "HOST": "host",
    "PORT": "port",
    "HOST_USER": "username",
    "HOST_PASSWORD": "password",
    "USE_TLS": "use_tls",
    "USE_SSL": "use_ssl",
}


def mail_settings(config: dict[str, Any], *, timeout: int) -> dict[str, Any]:
    """Return `config`, the EMAIL_* settings of a mail URL, under the names that this version of Django uses.

    Django 6.1 replaced these settings with MAILERS.
    """
    if django.VERSION < (6, 1):
        return {**config, "EMAIL_TIMEOUT": timeout}
    mailer: dict[str, Any] = {"BACKEND": config["EMAIL_BACKEND"]}
    if "smtp" in mailer["BACKEND"]:
        values = {option: config.get(f"EMAIL_{name}") for name, option in SMTP_OPTIONS.items()}
        mailer["OPTIONS"] = {"timeout": timeout, **{option: value for option, value in values.items() if value}}
    return {"MAILERS": {"default": mailer}}
