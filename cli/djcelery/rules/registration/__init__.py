"""Rules about how tasks are defined and registered."""
