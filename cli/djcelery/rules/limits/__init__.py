"""Rules about time and limits."""
