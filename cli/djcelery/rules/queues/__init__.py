"""Rules about queues and processes."""
