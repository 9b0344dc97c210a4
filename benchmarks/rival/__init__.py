"""Set up one small Django project for each job system that is compared with this one.

RIVAL in the environment names the system, which is installed in an environment of its own. `python -m django` runs the
system's commands, `python -m rival.dispatch` dispatches jobs.
"""
