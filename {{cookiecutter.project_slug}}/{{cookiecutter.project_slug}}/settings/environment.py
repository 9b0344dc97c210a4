"""Where the settings get their values from: the folder of the project and its environment variables."""

from pathlib import Path
from typing import Any

import environ

BASE_DIR = Path(__file__).resolve().parent.parent.parent


class Env(environ.Env):
    """Environment variables, where empty means absent: compose passes `${NAME:-}` on as an empty string."""

    def get_value(self, var: str, cast: Any = None, default: Any = environ.Env.NOTSET, **options: Any) -> Any:
        if default is not self.NOTSET and not self.ENVIRON.get(var):
            return default
        return super().get_value(var, cast=cast, default=default, **options)


env = Env()
# On a laptop the variables may stand in a file that git ignores. What the environment already holds wins.
env.read_env(BASE_DIR / ".env")
