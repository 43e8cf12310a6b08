"""The interaction model: reads, writes, invokes and subscriptions over exchanges (Matter Core 8)."""
