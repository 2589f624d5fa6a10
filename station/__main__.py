"""`python -m station`: the same as `gatepost`."""

from station.cli import main

main()
