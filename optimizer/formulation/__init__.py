"""From a problem to a linear program: one module for each part of the home.

Inside, powers are in kW and energies in kWh, so that all coefficients are of the order of one.
"""
