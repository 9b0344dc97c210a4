"""Add tasks, queues, schedule entries and apps to a project, and remove them again.

Each of them is a list of fragments. A fragment is one change at one place, and knows how to insert itself, how to tell
that it is there, and how to remove itself as long as nobody has edited it.
"""
