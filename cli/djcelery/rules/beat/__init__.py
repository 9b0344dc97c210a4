"""Rules about beat and its schedule."""
