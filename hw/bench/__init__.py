"""The bench module of `hw.simulator`: readings and firmware over plain HTTP, without any protection."""
