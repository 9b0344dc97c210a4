"""The work behind `djcelery check`: from a folder and some wishes to findings."""
