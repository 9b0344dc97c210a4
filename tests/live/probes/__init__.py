"""An app that the live tests put into a generated project: tasks to ask for, and a record of what ran."""
