"""StatusReport against published encodings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matter_node.secure_channel.status_report import (
    CLOSE_SESSION,
    INVALID_PARAMETER,
    NO_SHARED_TRUST_ROOTS,
    SESSION_ESTABLISHED,
    StatusReport,
    StatusReportError,
    busy,
)


@pytest.mark.parametrize("index", range(3))
def test_published_reports(vectors, index):
    case = vectors["status_report"]["cases"][index]
    report = StatusReport(
        case["general"], case["code"], case["protocol"], case["vendor"], bytes.fromhex(case["data"])
    )
    assert report.encode().hex() == case["hex"]
    assert StatusReport.decode(bytes.fromhex(case["hex"])) == report


def test_the_secure_channels_reports():
    assert SESSION_ESTABLISHED.encode() == bytes(8)
    assert NO_SHARED_TRUST_ROOTS.encode().hex() == "0100000000000100"
    assert INVALID_PARAMETER.encode().hex() == "0100000000000200"
    assert CLOSE_SESSION.encode().hex() == "0000000000000300"
    assert busy(5).encode().hex() == "08000000000004008813"
    assert StatusReport.decode(busy(100).encode()).busy_wait == 65.535
    assert SESSION_ESTABLISHED.is_success
    assert not INVALID_PARAMETER.is_success
    assert CLOSE_SESSION.is_close_session


def test_a_code_of_another_protocol_means_nothing_here():
    assert not StatusReport(0, 0, protocol=1).is_success
    assert not StatusReport(0, 3, vendor=0xFFF1).is_close_session
    assert StatusReport(8, 4, protocol=2).busy_wait is None


@pytest.mark.parametrize("length", range(8))
def test_a_report_cut_short_is_none(length):
    with pytest.raises(StatusReportError):
        StatusReport.decode(bytes(length))


@given(st.binary(max_size=40))
def test_any_bytes_are_a_report_or_an_error(data):
    try:
        report = StatusReport.decode(data)
    except StatusReportError:
        assert len(data) < 8
    else:
        assert report.encode() == data
        assert report.busy_wait is None or 0 <= report.busy_wait <= 65.535
