"""What a person may do. Each role may do what the ones before it may."""

from __future__ import annotations

from enum import IntEnum


class Role(IntEnum):
    """A person's role, the least first."""

    GUEST = 0
    """Looks, and changes nothing."""
    OWNER = 1
    """Lives here: commands modules, registers them, sets what the home wants."""
    INSTALLER = 2
    """Knows the hardware: firmware, grid-code points, diagnostics that write."""
    ADMIN = 3
    """Decides who may do what."""

    @property
    def word(self) -> str:
        """The role's name as people and programs are shown it."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> Role:
        """Return the role of that name. Raise ValueError."""
        try:
            return cls[word.upper()]
        except KeyError:
            raise ValueError(
                f"there is no role {word!r}; there are {', '.join(r.word for r in cls)}"
            ) from None
