"""Modules that speak SunSpec over Modbus TCP."""
