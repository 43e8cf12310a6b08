"""Nodes as python-matter-server 7.0.1 tells of them."""

from __future__ import annotations

PLUG, THERMOSTAT = "somebody-p1", "somebody-p1-endpoint-3"
"""Keys of what `plug` has."""


def accuracy(kind, percent, fixed=0):
    return {"0": kind, "1": True, "2": 0, "3": 10**8, "4": [{"0": 0, "1": 10**8, "2": percent, "5": fixed}]}


def node(number=1, attributes=None, *, available=True):
    """A node as the server tells of it."""
    return {
        "node_id": number,
        "date_commissioned": "2026-11-26T16:54:05.513516",
        "last_interview": "2026-11-26T16:54:05.513518",
        "interview_version": 6,
        "available": available,
        "is_bridge": False,
        "attributes": plug() if attributes is None else attributes,
        "attribute_subscriptions": [],
    }


def root(*endpoints, serial="P1", **texts):
    basic = {
        "1": "Somebody",
        "3": "Foreign Plug",
        "10": "1.2",
        "15": serial,
        "18": f"unique-{serial}",
        **texts,
    }
    return {f"0/40/{tag}": text for tag, text in basic.items()} | {"0/29/3": list(endpoints)}


def plug(serial="P1"):
    """A plug on endpoint 1 with its sensor on endpoint 2, and a thermostat on endpoint 3."""
    return root(1, 2, 3, serial=serial) | {
        "0/62/1": ["not kept"],
        "1/29/0": [{"0": 266, "1": 4}],
        "1/29/3": [],
        "1/6/0": True,
        "2/29/0": [{"0": 1296, "1": 1}],
        "2/156/65532": 4,
        "2/156/0": [1],
        "2/144/2": [accuracy(5, 100, 500), accuracy(1, 50)],
        "2/144/4": 230_500,
        "2/144/5": -6_520,
        "2/144/8": 1_500_000,
        "2/144/14": None,
        "2/145/0": accuracy(14, 200),
        "2/145/1": {"0": 4_000_731, "1": None},
        "3/29/0": [{"0": 769, "1": 6}],
        "3/513/0": 2050,
        "3/513/18": 2100,
        "3/513/21": 1000,
        "3/513/22": 2600,
        "3/513/27": 2,
        "3/513/28": 4,
        "3/513/41": 0,
        "3/513/65532": 1,
    }


def bridge():
    """A bridge: endpoint 3 is a device with a relay and a part that has another, 4 its sensor, 6 a lamp."""
    return root(1, 2, 3, 4, 5, 6, serial="B9") | {
        "1/29/0": [{"0": 14}],
        "1/29/3": [3, 4, 5, 6],
        "3/29/3": [4, 5],
        "3/57/1": "Acme",
        "3/57/15": "A-1",
        "3/57/17": True,
        "3/6/0": True,
        "4/144/8": 3_000,
        "5/6/0": False,
        "5/144/8": 7_000,
        "6/29/0": [{"0": 0x0100}],
        "6/57/18": "lamp",
        "6/6/0": True,
    }
