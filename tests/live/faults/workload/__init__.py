"""An app that the fault suite puts into a generated project: work that can be counted."""
