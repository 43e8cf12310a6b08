"""What the tests of the node stand on: a clock that they turn, repeatable randomness, and fabrics."""

from __future__ import annotations

import hashlib
import heapq
import itertools
import random

from matter_node.codec.certificate import (
    AttributeType,
    BasicConstraints,
    Certificate,
    DistinguishedName,
    ExtensionType,
    KeyPurpose,
    KeyUsage,
)
from matter_node.crypto.fabric_keys import compressed_fabric_id, operational_group_key
from matter_node.crypto.keys import KeyPair
from matter_node.fabric import Fabric


class ManualClock:
    """Time stands still until `advance`, which calls the timers in order, each at its own time."""

    def __init__(self):
        self.now = 1000.0
        self._timers = []
        self._order = itertools.count()

    def monotonic(self):
        return self.now

    def utc(self):
        return 1_800_000_000.0 + self.now

    def call_later(self, delay, callback):
        timer = ManualTimer(callback)
        heapq.heappush(self._timers, (self.now + max(delay, 0.0), next(self._order), timer))
        return timer

    def advance(self, seconds):
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end + 1e-9:
            when, _, timer = heapq.heappop(self._timers)
            if timer.callback is None:
                continue
            self.now = max(self.now, when)
            timer.callback()
        self.now = end

    @property
    def pending(self):
        """How many timers wait."""
        return sum(timer.callback is not None for _, _, timer in self._timers)


class ManualTimer:
    def __init__(self, callback):
        self.callback = callback

    def cancel(self):
        self.callback = None


class SeededEntropy:
    """The same numbers in every run."""

    def __init__(self, seed=0):
        self._random = random.Random(seed)

    def token(self, length):
        return self._random.randbytes(length)

    def below(self, limit):
        return self._random.randrange(limit)


class Authority:
    """The root of a fabric: issues operational certificates."""

    def __init__(self, fabric_id=0x2906_C908_D115_D362, epoch_key=bytes(range(16))):
        self.fabric_id = fabric_id
        self.epoch_key = epoch_key
        self.key = KeyPair.generate()
        self.subject = ((AttributeType.RCAC_ID, 1),)
        self.root = self._certificate(self.subject, self.key.public_key, ca=True)

    def _certificate(self, subject, public_key, *, ca):
        usage = KeyUsage.KEY_CERT_SIGN | KeyUsage.CRL_SIGN if ca else KeyUsage.DIGITAL_SIGNATURE
        extensions = [
            (ExtensionType.BASIC_CONSTRAINTS, BasicConstraints(is_ca=ca)),
            (ExtensionType.KEY_USAGE, usage),
        ]
        if not ca:
            purposes = (KeyPurpose.CLIENT_AUTH, KeyPurpose.SERVER_AUTH)
            extensions.append((ExtensionType.EXTENDED_KEY_USAGE, purposes))
        extensions += [
            (ExtensionType.SUBJECT_KEY_ID, hashlib.sha1(public_key).digest()),
            (ExtensionType.AUTHORITY_KEY_ID, hashlib.sha1(self.key.public_key).digest()),
        ]
        unsigned = Certificate(
            serial=b"\x01",
            issuer=DistinguishedName(self.subject),
            not_before=0x2000_0000,
            not_after=0,
            subject=DistinguishedName(subject),
            public_key=public_key,
            extensions=tuple(extensions),
            signature=bytes(64),
        )
        return unsigned.signed(self.key).to_tlv()

    def noc(self, node_id, public_key, cats=()):
        subject = [(AttributeType.FABRIC_ID, self.fabric_id), (AttributeType.NODE_ID, node_id)]
        subject += [(AttributeType.NOC_CAT, cat) for cat in cats]
        return self._certificate(tuple(subject), public_key, ca=False)

    def fabric(self, index, node_id, cats=()):
        """Return a node's membership in the fabric."""
        key = KeyPair.generate()
        compressed = compressed_fabric_id(self.key.public_key, self.fabric_id)
        return Fabric(
            index=index,
            fabric_id=self.fabric_id,
            node_id=node_id,
            vendor_id=0xFFF1,
            root=self.root,
            root_public_key=self.key.public_key,
            noc=self.noc(node_id, key.public_key, cats),
            icac=None,
            key=key,
            ipk_epoch_keys=(self.epoch_key,),
            compressed_id=compressed,
            ipk_keys=(operational_group_key(self.epoch_key, compressed),),
        )


class Fabrics(dict):
    """Fabrics by index, as session establishment looks them up."""

    def __iter__(self):
        return iter(self.values())
