"""Test `djcelery update` from three released-like versions, frozen when the tests run, after a team's changes."""
