"""`djcelery update`: three released-like versions, frozen when the tests run, and what a team does in between."""
