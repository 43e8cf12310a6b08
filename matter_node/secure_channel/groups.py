"""Receiving group messages: which key, who sent it, is it new (Matter Core 4.7.3, 4.16)."""

from __future__ import annotations

from collections import OrderedDict
from struct import Struct
from typing import TYPE_CHECKING

from matter_node.crypto.aead import Cipher, DecryptError, ctr
from matter_node.secure_channel.counters import GroupWindow
from matter_node.secure_channel.message import (
    CONTROL_FLAG,
    MIC_LENGTH,
    PRIVACY_FLAG,
    FrameError,
    MessageHeader,
    decode_message_header,
    obfuscated_range,
    privacy_nonce,
)
from matter_node.subject import AuthMode, Subject

if TYPE_CHECKING:
    from matter_node.fabric import GroupKey, GroupKeySource

_NONCE = Struct("<BIQ")


def toggle_privacy(datagram: bytes, session_id: int, privacy_key: bytes) -> bytes:
    """Obfuscate the header of an encrypted message, or make it clear again (Matter Core 4.8.3).

    :param datagram: the message with its MIC
    :param privacy_key: 16 bytes, derived from the key that encrypted the message
    """
    start, end = obfuscated_range(datagram)
    nonce = privacy_nonce(datagram, session_id)
    return datagram[:start] + ctr(privacy_key, nonce, datagram[start:end]) + datagram[end:]


class GroupReceiver:
    """Opens group messages and keeps the counters of their senders.

    :param keys: where keys and group mappings are found
    :param max_senders: how many senders' counters are remembered; the longest unheard is forgotten
    """

    def __init__(self, keys: GroupKeySource, *, max_senders: int = 256) -> None:
        self._keys = keys
        self._max_senders = max_senders
        self._windows: OrderedDict[tuple[int, int, bytes], GroupWindow] = OrderedDict()

    def open(self, header: MessageHeader, datagram: bytes) -> tuple[Subject, bytes]:
        """Return the sender for access control, and the payload.

        Several keys may share a session id, so each is tried until one fits.

        :raises FrameError: if no key fits, its fabric does not map the group to it, or it is a duplicate
        """
        problem = "group message with an unknown key"
        if len(datagram) < header.length + MIC_LENGTH:
            raise FrameError("group message cut short")
        for key in self._keys.candidates(header.session_id):
            clear, clear_header = datagram, header
            if header.security_flags & PRIVACY_FLAG:
                clear = toggle_privacy(datagram, header.session_id, key.privacy_key)
                try:
                    clear_header = decode_message_header(clear)
                except FrameError:
                    continue
            source = clear_header.source_node_id
            group = clear_header.destination_group_id
            if source is None or group is None or clear_header.security_flags & CONTROL_FLAG:
                raise FrameError("group message that carries no group data")
            length = clear_header.length
            nonce = _NONCE.pack(clear_header.security_flags, clear_header.counter, source)
            try:
                payload = Cipher(key.key).decrypt(nonce, clear[length:], clear[:length])
            except DecryptError:
                continue
            if not self._keys.is_mapped(key.fabric_index, group, key.key_set_id):
                # another key set may hold the same key
                problem = "group not mapped to the key of its message"
                continue
            if not self._accept(key, source, clear_header.counter):
                raise FrameError("duplicate group message")
            subject = Subject(AuthMode.GROUP, fabric_index=key.fabric_index, node_id=source, group_id=group)
            return subject, payload
        raise FrameError(problem)

    def _accept(self, key: GroupKey, source: int, counter: int) -> bool:
        sender = (key.fabric_index, source, key.key)
        window = self._windows.get(sender)
        if window is not None:
            self._windows.move_to_end(sender)
            return window.accept(counter)
        if len(self._windows) >= self._max_senders:
            self._windows.popitem(last=False)
        self._windows[sender] = GroupWindow(counter)
        return True
