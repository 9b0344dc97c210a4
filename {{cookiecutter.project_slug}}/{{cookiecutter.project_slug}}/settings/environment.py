"""Where the settings get their values from: the folder of the project and its environment variables."""

from pathlib import Path

import environ

BASE_DIR = Path(__file__).resolve().parent.parent.parent

env = environ.Env()
# On a laptop the variables may stand in a file that git ignores. What the environment already holds wins.
env.read_env(BASE_DIR / ".env")
