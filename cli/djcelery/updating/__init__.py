"""Bring a project to a later version of the template and of the library."""
