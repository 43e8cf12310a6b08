"""A Matter node in plain Python: wire protocol, sessions, interaction model, data model, commissioning.

The package knows Matter and nothing else: no energy, no HTTP, no hardware. Protocol code does no I/O;
sockets, clocks, randomness and storage come in through `matter_node.clock`, `matter_node.entropy`,
`matter_node.storage` and `matter_node.transport`.
"""
