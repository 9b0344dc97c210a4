"""Print the tables of each benchmark and, at full size, write its figures to `results/`."""
