"""The appliance: settings, registry, energy management, command line. The only place where the parts meet."""
