"""A planning problem in, a plan with reasons out: pure functions, no input or output of their own.

`optimizer.problem.Problem` says what there is and what is wished; `optimizer.solve.solve` answers with an
`optimizer.plan.Plan`. What goes in and out is plain Python (no module named here imports numpy but `solve`),
so a process that only asks and reads needs neither numpy nor scipy.

Powers are in W, energies in Wh, prices per kWh in one unit of currency. Import and charging are
positive, export and discharging negative; a power named after its direction (`charge_w`, `production_w`)
is a magnitude.
"""
