"""Set up the smallest Django project with the job layer in it, in which the tests of the library run."""
