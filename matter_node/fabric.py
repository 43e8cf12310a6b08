"""A fabric this node belongs to, and how secure sessions look fabrics up (Matter Core 2.5.1, 11.18.4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from matter_node.crypto.keys import KeyPair


@dataclass(frozen=True, slots=True)
class Fabric:
    """One fabric: its root of trust and our identity in it.

    :ivar index: 1..254, this node's own number for it
    :ivar fabric_id: the 64-bit fabric id
    :ivar node_id: our operational node id
    :ivar vendor_id: vendor of the administrator that added it
    :ivar root: the trusted root certificate, Matter TLV
    :ivar root_public_key: its key, 65 bytes uncompressed
    :ivar noc: our operational certificate, Matter TLV
    :ivar icac: the intermediate certificate between the two, Matter TLV, or None
    :ivar key: our operational key pair
    :ivar ipk_epoch_keys: epoch keys of group key set 0, 16 bytes each
    :ivar compressed_id: compressed fabric id, 8 bytes
    :ivar ipk_keys: operational keys derived from `ipk_epoch_keys`, same order; CASE tries each
    :ivar label: the administrators' name for it, 32 characters at most
    :ivar vid_verification_statement: 85 bytes, or empty (Matter Core 6.4.10)
    :ivar vvsc: vendor verification signer certificate, or empty
    """

    index: int
    fabric_id: int
    node_id: int
    vendor_id: int
    root: bytes
    root_public_key: bytes
    noc: bytes
    icac: bytes | None
    key: KeyPair = field(repr=False)
    ipk_epoch_keys: tuple[bytes, ...] = field(repr=False)
    compressed_id: bytes
    ipk_keys: tuple[bytes, ...] = field(repr=False)
    label: str = ""
    vid_verification_statement: bytes = b""
    vvsc: bytes = b""


class FabricSource(Protocol):
    """Where session establishment finds fabrics; `matter_node.commissioning.fabrics.FabricTable` is one."""

    def __iter__(self) -> Iterator[Fabric]:
        """Iterate over the present fabrics."""

    def get(self, index: int) -> Fabric | None:
        """Return the fabric with that index, or None."""


@dataclass(frozen=True, slots=True)
class GroupKey:
    """A key that group messages may be encrypted with.

    :ivar session_id: group session id derived from it
    :ivar key: operational group key, 16 bytes
    :ivar privacy_key: header privacy key, 16 bytes
    """

    fabric_index: int
    key_set_id: int
    session_id: int
    key: bytes = field(repr=False)
    privacy_key: bytes = field(repr=False)


class GroupKeySource(Protocol):
    """Where the message layer finds keys for received group messages."""

    def candidates(self, session_id: int) -> Iterable[GroupKey]:
        """Return every key of every fabric whose group session id is `session_id`."""

    def is_mapped(self, fabric_index: int, group_id: int, key_set_id: int) -> bool:
        """Tell whether that fabric's GroupKeyMap maps the group to that key set."""
