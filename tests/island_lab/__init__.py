"""A hub's home on the simulated one, over real Modbus TCP and HTTP on the loopback interface."""
