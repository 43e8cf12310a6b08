"""Message counters: what we send, and which received ones are new (Matter Core 4.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matter_node.entropy import Entropy

_WINDOW = 32
_WINDOW_MASK = (1 << _WINDOW) - 1
_MODULUS = 1 << 32
_HALF = 1 << 31
_MASK = _MODULUS - 1


class CounterExhausted(Exception):  # noqa: N818 - a fact about the session, not a mistake
    """A secure session has used all its counters and has to be closed (Matter Core 4.6.1.4)."""


def initial_counter(entropy: Entropy) -> int:
    """Return a random first counter, 1 .. 2^28 (Matter Core 4.6.1.1)."""
    return entropy.below(1 << 28) + 1


class SessionCounter:
    """Counters of the messages sent in one secure session: they never roll over."""

    __slots__ = ("_next",)

    def __init__(self, entropy: Entropy) -> None:
        self._next = initial_counter(entropy)

    def next(self) -> int:
        """Return the next counter.

        :raises CounterExhausted: when all are used
        """
        counter = self._next
        if counter > _MASK:
            raise CounterExhausted
        self._next = counter + 1
        return counter


class UnsecuredCounter:
    """The global counter of unsecured messages; it may roll over."""

    __slots__ = ("_next",)

    def __init__(self, entropy: Entropy) -> None:
        self._next = initial_counter(entropy)

    def next(self) -> int:
        """Return the next counter."""
        counter = self._next
        self._next = (counter + 1) & _MASK
        return counter


class SecuredWindow:
    """Counters received in a secure unicast session: no roll-over (Matter Core 4.6.5.1).

    The largest counter and the 32 before it are remembered; older ones count as duplicates.
    """

    __slots__ = ("_largest", "_seen")

    def __init__(self) -> None:
        self._largest = 0
        self._seen = _WINDOW_MASK

    def accept(self, counter: int) -> bool:
        """Take note of an authenticated message's counter; tell whether it is new."""
        ahead = counter - self._largest
        if ahead > 0:
            # bit n of the window stands for the counter n + 1 before the largest
            self._seen = (self._seen << ahead | 1 << (ahead - 1)) & _WINDOW_MASK if ahead <= _WINDOW else 0
            self._largest = counter
            return True
        if ahead == 0 or ahead < -_WINDOW:
            return False
        bit = 1 << (-ahead - 1)
        if self._seen & bit:
            return False
        self._seen |= bit
        return True


class UnsecuredWindow:
    """Counters received in an unsecured session: all but those in the window are new (Matter Core 4.6.5.3).

    A peer that starts anew chooses any counter, so one far behind moves the window back.
    """

    __slots__ = ("_largest", "_seen")

    def __init__(self) -> None:
        self._largest: int | None = None
        self._seen = 0

    def accept(self, counter: int) -> bool:
        """Take note of a message's counter; tell whether it is new."""
        largest = self._largest
        if largest is None:
            self._largest = counter
            return True
        ahead = counter - largest
        if ahead == 0:
            return False
        if -_WINDOW <= ahead < 0:
            bit = 1 << (-ahead - 1)
            if self._seen & bit:
                return False
            self._seen |= bit
            return True
        if 0 < ahead <= _WINDOW:
            self._seen = (self._seen << ahead | 1 << (ahead - 1)) & _WINDOW_MASK
        else:
            self._seen = 0
        self._largest = counter
        return True


class GroupWindow:
    """Counters received from one group sender: roll-over by serial arithmetic (Matter Core 4.6.5.2).

    The first message of a sender is trusted and opens the window ("trust first", Matter Core 4.18.5.1).

    :param first: counter of that first message, which counts as received
    """

    __slots__ = ("_largest", "_seen")

    def __init__(self, first: int) -> None:
        self._largest = first
        # what came before the first message is unknown, so it is not believed
        self._seen = _WINDOW_MASK

    def accept(self, counter: int) -> bool:
        """Take note of an authenticated message's counter; tell whether it is new."""
        ahead = (counter - self._largest) & _MASK
        if ahead == 0:
            return False
        if ahead < _HALF:
            self._seen = (self._seen << ahead | 1 << (ahead - 1)) & _WINDOW_MASK if ahead <= _WINDOW else 0
            self._largest = counter
            return True
        behind = _MODULUS - ahead
        if behind > _WINDOW:
            return False
        bit = 1 << (behind - 1)
        if self._seen & bit:
            return False
        self._seen |= bit
        return True
