"""A simulated home: a sun, clouds, a household and modules that answer SunSpec over real Modbus TCP."""
