"""`python -m multiscope`."""

from multiscope.cli import main

main()
