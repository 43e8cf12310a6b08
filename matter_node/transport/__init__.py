"""Sockets, network interfaces and DNS service discovery: the only part of the node that does I/O."""
