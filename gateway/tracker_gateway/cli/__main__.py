"""`python -m tracker_gateway.cli`."""

from tracker_gateway.cli import main

main()
