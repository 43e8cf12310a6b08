"""The fail-safe: nothing of a commissioning lasts unless it is completed (Matter Core 11.10.7.2).

What must be undone is written to storage together with the change itself, so that a node which stops with an
armed fail-safe undoes it at its next start.
"""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

from matter_node.codec import tlv
from matter_node.commissioning.fabric_record import FabricRecordError, decode_fabric, encode_fabric
from matter_node.subject import AuthMode

if TYPE_CHECKING:
    from collections.abc import Callable

    from matter_node.clock import Clock, Timer
    from matter_node.commissioning.fabrics import FabricTable
    from matter_node.commissioning.sessions import CommissioningSessions
    from matter_node.crypto.keys import KeyPair
    from matter_node.fabric import Fabric
    from matter_node.model.context import Context, SessionView
    from matter_node.storage import Storage

_log = logging.getLogger(__name__)

EXPIRY_LENGTH = 60
"""Seconds that a PASE session arms the fail-safe for, and that commissioners are advised to take."""
MAX_CUMULATIVE = 900
"""Seconds after which the fail-safe expires however often it was extended."""
_JOURNAL = "fail-safe/journal"
_ADDED, _UPDATED = 0, 1


class FailSafeBusyError(Exception):
    """The fail-safe is armed by another fabric, or for a commissioner that has none yet."""


@dataclasses.dataclass(slots=True)
class PendingCredentials:
    """What the administrator has sent so far under the armed fail-safe.

    :ivar key: key pair of the last CSRRequest
    :ivar key_for_update: that request was for UpdateNOC
    :ivar key_session: the session that it came over
    :ivar root: certificate of AddTrustedRootCertificate, Matter TLV
    :ivar added: index of the fabric that AddNOC added
    :ivar replaced: the fabric as it was before UpdateNOC
    """

    key: KeyPair | None = None
    key_for_update: bool = False
    key_session: SessionView | None = None
    root: bytes | None = None
    added: int | None = None
    replaced: Fabric | None = None

    @property
    def has_noc(self) -> bool:
        """Whether AddNOC or UpdateNOC was done."""
        return self.added is not None or self.replaced is not None


class FailSafe:
    """The fail-safe timer, who armed it, and what it undoes.

    :param sessions: the node's sessions; the ones that hang on what is undone are closed
    :ivar fabric_index: the fabric it is armed for, 0 if for a commissioner without one
    :ivar pending: what was sent under it
    :ivar on_expired: called after everything was undone, for what others reset (the breadcrumb)
    :ivar on_changed: called when `pending` or the armed state changed
    """

    def __init__(
        self, fabrics: FabricTable, storage: Storage, clock: Clock, sessions: CommissioningSessions
    ) -> None:
        self._fabrics = fabrics
        self._storage = storage
        self._clock = clock
        self._sessions = sessions
        self._timer: Timer | None = None
        self._limit = 0.0
        self._pase_session: SessionView | None = None
        self.fabric_index = 0
        self.pending = PendingCredentials()
        self.on_expired: list[Callable[[], None]] = []
        self.on_changed: list[Callable[[], None]] = []
        fabrics.on_removed.append(self._fabric_removed)

    @property
    def is_armed(self) -> bool:
        """Whether it is armed."""
        return self._timer is not None

    @property
    def is_armed_over_pase(self) -> bool:
        """Whether a PASE session armed it."""
        return self._pase_session is not None

    def is_armed_for(self, fabric_index: int) -> bool:
        """Tell whether it is armed for that fabric, 0 for a commissioner without one."""
        return self.is_armed and self.fabric_index == fabric_index

    def arm(self, seconds: int, session: SessionView) -> None:
        """Arm it, or let it expire later or earlier than before, within `MAX_CUMULATIVE` of its first arming.

        :param seconds: more than 0
        :raises FailSafeBusyError: it is armed for somebody else
        """
        fabric_index = session.subject.fabric_index
        now = self._clock.monotonic()
        if self._timer is None:
            self._limit = now + MAX_CUMULATIVE
            self.fabric_index = fabric_index
            self._pase_session = session if session.subject.auth_mode is AuthMode.PASE else None
            self.pending = PendingCredentials()
        elif self.fabric_index != fabric_index:
            raise FailSafeBusyError
        else:
            self._timer.cancel()
        self._timer = self._clock.call_later(max(0.0, min(seconds, self._limit - now)), self.expire)
        self._changed()

    def stage_key(self, key: KeyPair, session: SessionView, *, for_update: bool) -> None:
        """Keep the key pair of a CSRRequest; it takes the place of an earlier one."""
        self.pending.key, self.pending.key_session, self.pending.key_for_update = key, session, for_update

    def stage_root(self, root: bytes) -> None:
        """Keep a validated root certificate for AddNOC."""
        self.pending.root = root
        self._changed()

    def add_fabric(self, fabric: Fabric) -> None:
        """Add a fabric until the fail-safe expires or is completed; it belongs to that fabric from now on.

        The caller has opened a storage transaction.
        """
        self._storage.put(_JOURNAL, tlv.encode({_ADDED: fabric.index}))
        self._fabrics.add(fabric)
        self.pending.added = self.fabric_index = fabric.index
        self.pending.key = self.pending.key_session = self.pending.root = None
        self._changed()

    def update_fabric(self, fabric: Fabric) -> None:
        """Give a fabric other credentials until the fail-safe expires or is completed.

        The caller has opened a storage transaction.
        """
        old = self._fabrics.get(fabric.index)
        if old is None:
            raise KeyError(fabric.index)
        self._storage.put(_JOURNAL, tlv.encode({_UPDATED: encode_fabric(old)}))
        self._fabrics.replace(fabric)
        self.pending.replaced = old
        self.pending.key = self.pending.key_session = None
        self._changed()

    def complete(self) -> None:
        """Disarm and keep what was done; it is on the disk when this returns."""
        self._storage.delete(_JOURNAL)
        self._storage.flush()
        self._disarm()
        self._changed()

    def expire(self, context: Context | None = None) -> None:
        """Undo what was done and disarm (Matter Core 11.10.7.2.2).

        :param context: the request that asks for it, if one does; its session ends after the response
        """
        if self._timer is None:
            return
        pending, pase_session = self.pending, self._pase_session
        self._disarm()
        answering = None if context is None else context.session
        _log.info("The fail-safe expired")
        self._sessions.close_pase(keep=answering)
        touched = pending.added or (pending.replaced.index if pending.replaced is not None else 0)
        if touched:
            self._sessions.close_fabric(touched, keep=answering)
        if context is not None and (
            context.subject.auth_mode is AuthMode.PASE or context.fabric_index == touched != 0
        ):
            session = context.session
            context.after_response(lambda: self._sessions.close(session))
        with self._storage.transaction():
            self._undo(pending.added, pending.replaced)
        self._storage.flush()
        if pase_session is not None and pase_session.subject.fabric_index == pending.added:
            pase_session.subject = dataclasses.replace(pase_session.subject, fabric_index=0)
        self._tell_expired()

    def recover(self) -> None:
        """Undo what a fail-safe left behind that was armed when the node stopped; called once, at start."""
        journal = self._storage.get(_JOURNAL)
        if journal is None:
            return
        added, replaced = None, None
        try:
            entry = tlv.decode(journal)
            added = entry.get(_ADDED)
            replaced = decode_fabric(entry[_UPDATED]) if _UPDATED in entry else None
        except (tlv.TlvError, FabricRecordError, AttributeError):
            _log.exception("What the fail-safe is to undo cannot be read")
        with self._storage.transaction():
            self._undo(added, replaced)
        self._storage.flush()

    def session_closed(self, session: SessionView) -> None:
        """Expire if the PASE session that armed it is gone; commissioners that give up say so by that."""
        if session is self._pase_session:
            self.expire()

    def _fabric_removed(self, fabric: Fabric) -> None:
        """Disarm if the fabric was removed on purpose: nothing of it is left to undo or to complete.

        Removing a fabric removes the roots that no fabric stands on; one that waits for its AddNOC is among
        them (Matter Core 11.18.6.12; certification looks at that).
        """
        if self.is_armed_for(fabric.index):
            self._storage.delete(_JOURNAL)
            self._disarm()
            self._tell_expired()
        elif self.pending.root is not None:
            self.pending.root = None
            self._changed()

    def _undo(self, added: int | None, replaced: Fabric | None) -> None:
        self._storage.delete(_JOURNAL)
        if replaced is not None:
            now = self._fabrics.get(replaced.index)
            if now is not None:
                # Label and group keys have lives of their own and stay as they are now.
                self._fabrics.replace(
                    dataclasses.replace(
                        replaced, label=now.label, ipk_epoch_keys=now.ipk_epoch_keys, ipk_keys=now.ipk_keys
                    )
                )
        if added is not None and self._fabrics.get(added) is not None:
            self._fabrics.remove(added)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._pase_session = None
        self.fabric_index = 0
        self.pending = PendingCredentials()

    def _tell_expired(self) -> None:
        for listener in tuple(self.on_expired):
            listener()
        self._changed()

    def _changed(self) -> None:
        for listener in tuple(self.on_changed):
            listener()
