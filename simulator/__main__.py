"""`python -m simulator`."""

from simulator.main import cli

cli(prog_name="simulator")
