"""One small Django project for each job system that is compared with this one. It is run in an environment of its own.

RIVAL in the environment names the system. `python -m django ...` runs its commands, `python -m rival.dispatch` dispatches.
"""
