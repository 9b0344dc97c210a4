"""The command `djcelery`: Django projects with sound background jobs."""

__version__ = "0.1.0"
