"""Tests, by their distance from the world: in memory, rendered, and on real servers. Imported as `tests...`."""
