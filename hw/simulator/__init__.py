"""A simulated home: a sun, clouds, a household and modules that answer over real Modbus TCP and HTTP."""
