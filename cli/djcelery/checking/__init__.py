"""Do the work of `djcelery check`: turn a folder and some options into findings."""
