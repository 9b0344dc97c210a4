"""Rules about transactions and dispatch."""
