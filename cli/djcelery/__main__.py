"""Run the command as `python -m djcelery`."""

from djcelery.main import main

main()
