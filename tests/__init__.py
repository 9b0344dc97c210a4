"""Hold tests by their distance from the world: in memory, rendered, on real servers. Imported as `tests...`."""
