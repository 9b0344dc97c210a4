"""Rules about the arguments of tasks."""
