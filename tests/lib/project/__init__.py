"""The smallest Django project with the job layer in it: what the tests of the library run in."""
