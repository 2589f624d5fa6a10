"""`gatepost demo`: a whole community on one machine, with simulated devices and invented people."""
