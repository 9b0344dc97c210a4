"""Create and check Django projects with reliable background jobs."""

__version__ = "0.2.0.dev0"
