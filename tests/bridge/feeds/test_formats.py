"""What services say, in the shape that they document, and what else may come."""

import importlib
import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.feeds.formats.asked import Asked
from bridge.feeds.formats.strict import FormatError

BERLIN = "Europe/Berlin"
PRICE = Asked("price", BERLIN)
FORMATS = {
    "awattar": "price",
    "energy_charts": "price",
    "electricity_maps": "co2",
    "table": "price",
    "open_meteo": "sun",
    "solcast": "sun",
    "forecast_solar": "sun",
}


def parse(name, body, asked=PRICE):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return importlib.import_module(f"bridge.feeds.formats.{name}").parse(text, asked)


def at(text):
    return int(datetime.fromisoformat(text).timestamp())


def spans(series):
    return [
        (f"{datetime.fromtimestamp(start, UTC):%dT%H:%M}", (end - start) // 60, value)
        for start, end, value in series
    ]


# ---------------------------------------------------------------- prices

MARKET = {
    "object": "list",
    "data": [
        {
            "start_timestamp": at("2026-11-26T22:00Z") * 1000,
            "end_timestamp": at("2026-11-26T23:00Z") * 1000,
            "marketprice": 92.5,
            "unit": "Eur/MWh",
        },
        {
            "start_timestamp": at("2026-11-26T23:00Z") * 1000,
            "end_timestamp": at("2026-11-27T00:00Z") * 1000,
            "marketprice": -4.1,
            "unit": "Eur/MWh",
        },
    ],
    "url": "/de/v1/marketdata",
}


def test_awattar_tells_prices_per_mwh_with_times_in_milliseconds():
    assert spans(parse("awattar", MARKET)["price"]) == [("26T22:00", 60, 0.0925), ("26T23:00", 60, -0.0041)]


def test_energy_charts_tells_quarters_of_an_hour_beside_their_times():
    found = {
        "license_info": "CC BY 4.0",
        "unix_seconds": [at("2026-11-26T22:00Z") + 900 * n for n in range(4)],
        "price": [100.0, 110.0, None, 120.0],
        "unit": "EUR / MWh",
        "deprecated": False,
    }
    assert spans(parse("energy_charts", found)["price"]) == [
        ("26T22:00", 15, 0.1),
        ("26T22:15", 15, 0.11),
        ("26T22:45", 15, 0.12),
    ]


def test_a_price_that_cannot_be_meant_is_refused_with_its_reason():
    rows = [{"start": "2026-11-26T22:00Z", "price": 85.0}]
    with pytest.raises(FormatError, match=r"85 EUR/kWh is refused.*per MWh.*`highest`"):
        parse("table", {"values": rows})
    assert parse("table", {"values": rows, "unit": "EUR/MWh"})["price"].values[0] == 0.085
    assert parse("table", {"values": rows}, Asked("price", highest=100.0))["price"].values[0] == 85.0


# ---------------------------------------------------------------- our own table


def csv(*lines):
    return "\n".join(lines).encode()


def test_a_table_of_the_day_on_which_clocks_are_put_back_has_an_hour_twice():
    lines = [f"2026-10-25T{hour:02}:00,0.{hour:02}" for hour in (0, 1, 2)]
    found = parse("table", csv("start,price", *lines, "2026-10-25T02:00,0.99", "2026-10-25T03:00,0.03"))
    assert spans(found["price"]) == [
        ("24T22:00", 60, 0.0),
        ("24T23:00", 60, 0.01),
        ("25T00:00", 60, 0.02),
        ("25T01:00", 60, 0.99),
        ("25T02:00", 60, 0.03),
    ]


def test_quarters_of_that_hour_may_come_one_after_the_other():
    minutes = ("02:00", "02:15", "02:30", "02:45")
    lines = [f"2026-10-25T{each},0.{n}" for n, each in enumerate((*minutes, *minutes, "03:00"))]
    found = parse("table", csv("start,price", *lines))["price"]
    assert found.starts[0] == at("2026-10-25T00:00Z")
    assert [end - start for start, end, _ in found] == [900] * 9
    assert found.until(found.starts[0]) == at("2026-10-25T02:15Z")


def test_a_day_with_23_hours_has_no_hour_that_clocks_jump_over():
    zone = ZoneInfo(BERLIN)
    lines = [f"2026-03-29T{hour:02}:00,0.1" for hour in range(24) if hour != 2]
    found = parse("table", csv("start,price", *lines))["price"]
    assert len(found) == 23
    assert found.until(found.starts[0]) == int(datetime(2026, 3, 30, tzinfo=zone).timestamp())
    with pytest.raises(FormatError, match="02:30, which clocks in Europe/Berlin never show"):
        parse("table", csv("start,price", "2026-03-29T02:30,0.1"))


def test_spans_may_have_ends_and_times_offsets_and_feeding_in_its_price():
    found = parse(
        "table",
        csv(
            "start;end;price;export_price",
            "2026-11-26T00:00+01:00;2026-11-26T06:00+01:00;0,2;0.05",
            "2026-11-26T06:00+01:00;2026-11-26T23:00+01:00;0.4;",
        ),
    )
    assert spans(found["price"]) == [("25T23:00", 360, 0.2), ("26T05:00", 1020, 0.4)]
    assert spans(found["export_price"]) == [("25T23:00", 360, 0.05)]


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "empty"),
        (b"\xff\xfe", "not UTF-8"),
        (csv("time,price", "1,2"), "among them start"),
        (csv("start,price", "2026-11-26T00:00"), "line 2 has 1 columns"),
        (csv("start,price", "2026-11-26T00:00,cheap"), "'cheap', which is no number"),
        (csv("start,price", "2026-11-26T00:00,nan"), "nan"),
        (csv("start,price", "today,0.1"), "'today', which is no time"),
        (csv("start,price,colour", "2026-11-26T00:00,0.1,1"), "no such column: 'colour'"),
        (csv("start,price", "2026-11-26T00:00,0.1", "2026-11-26T00:00,0.2"), "two values"),
        (csv("start,price"), "no values"),
        (b'{"values": [{"start": "2026-11-26T00:00", "price": 1}], "unit": "GBP/kWh"}', "in gbp"),
        (b'{"values": [{"start": "2026-11-26T00:00", "price": 1}], "unit": "EUR/therm"}', "the unit is"),
        (b'{"values": [{"start": "2026-11-26T00:00", "price": NaN}]}', "no JSON"),
        (b'{"values": [{"start": "2026-11-26T00:00", "price": 1e999}]}', "inf"),
        (b'{"values": {}}', "values is a dict"),
        (b"{" + b'"a":{' * 100_000, "nested too deeply|no JSON"),
    ],
)
def test_a_table_that_is_none_is_refused_in_words(body, complaint):
    with pytest.raises(FormatError, match=complaint):
        parse("table", body)


# ---------------------------------------------------------------- emissions


def test_energy_charts_tells_what_was_measured_and_then_what_is_foreseen():
    found = {
        "unix_seconds": [at("2026-11-26T22:00Z") + 900 * n for n in range(3)],
        "co2eq": [310.5, None, None],
        "co2eq_forecast": [300.0, 290.0, None],
        "substitute": False,
        "deprecated": False,
    }
    assert spans(parse("energy_charts", found, Asked("co2"))["co2"]) == [
        ("26T22:00", 15, 0.3105),
        ("26T22:15", 15, 0.29),
    ]


def test_electricity_maps_tells_grams_by_the_hour():
    rows = [
        {"carbonIntensity": 326, "datetime": "2026-11-26T22:00:00.000Z"},
        {"carbonIntensity": 280, "datetime": "2026-11-26T23:00:00.000Z"},
    ]
    found = parse("electricity_maps", {"zone": "DE", "forecast": rows, "updatedAt": "x"}, Asked("co2"))
    assert spans(found["co2"]) == [("26T22:00", 60, 0.326), ("26T23:00", 60, 0.28)]


def test_emissions_may_be_in_a_table_in_grams():
    rows = [{"start": "2026-11-26T22:00Z", "co2": 326}]
    found = parse("table", {"unit": "g/kWh", "values": rows}, Asked("co2"))
    assert found["co2"].values[0] == pytest.approx(0.326)
    with pytest.raises(FormatError, match="326 kg of CO2 per kWh is refused"):
        parse("table", {"values": rows}, Asked("co2"))


# ---------------------------------------------------------------- weather


def test_open_meteo_tells_the_mean_of_the_hour_before():
    found = {
        "latitude": 52.52,
        "longitude": 13.419998,
        "generationtime_ms": 0.06,
        "utc_offset_seconds": 0,
        "timezone": "UTC",
        "timezone_abbreviation": "UTC",
        "elevation": 38.0,
        "hourly_units": {"time": "unixtime", "shortwave_radiation": "W/m²", "temperature_2m": "°C"},
        "hourly": {
            "time": [at("2026-11-26T11:00Z"), at("2026-11-26T12:00Z"), at("2026-11-26T13:00Z")],
            "shortwave_radiation": [120.0, 180.0, None],
            "temperature_2m": [4.1, 4.5, 4.4],
        },
    }
    told = parse("open_meteo", found)
    assert spans(told["irradiance"]) == [("26T10:00", 60, 120.0), ("26T11:00", 60, 180.0)]
    assert told["temperature"].values[0] == 4.1
    found["hourly_units"]["shortwave_radiation"] = "MJ/m²"
    with pytest.raises(FormatError, match="where W/m² belongs"):
        parse("open_meteo", found)


def test_solcast_tells_kilowatts_with_their_spread_up_to_the_end_of_a_period():
    rows = [
        {
            "pv_estimate": 1.25,
            "pv_estimate10": 0.5,
            "pv_estimate90": 2.0,
            "period_end": "2026-11-26T11:30:00.0000000Z",
            "period": "PT30M",
        }
    ]
    told = parse("solcast", {"forecasts": rows})
    assert {name: spans(each) for name, each in told.items()} == {
        "production": [("26T11:00", 30, 1250.0)],
        "production_low": [("26T11:00", 30, 500.0)],
        "production_high": [("26T11:00", 30, 2000.0)],
    }
    del rows[0]["pv_estimate10"], rows[0]["pv_estimate90"]
    assert set(parse("solcast", {"forecasts": rows})) == {"production"}


def test_forecast_solar_tells_energies_and_the_night_is_dark():
    energies = {
        "2026-11-26T06:41:00+00:00": 0,
        "2026-11-26T07:00:00+00:00": 19,
        "2026-11-26T08:00:00+00:00": 300,
        "2026-11-27T06:42:00+00:00": 0,
        "2026-11-27T07:00:00+00:00": 18,
    }
    found = {
        "result": {"watts": {}, "watt_hours_period": energies, "watt_hours": {}, "watt_hours_day": {}},
        "message": {"code": 0, "type": "success", "text": "", "ratelimit": {"period": 3600, "limit": 12}},
    }
    told = parse("forecast_solar", found)["production"]
    assert told.at(at("2026-11-26T06:50Z")) == pytest.approx(60.0)
    assert told.at(at("2026-11-26T07:30Z")) == 300.0
    assert told.at(at("2026-11-26T23:00Z")) == 0.0
    assert sum(value * (end - start) / 3600 for start, end, value in told) == pytest.approx(337)


# ---------------------------------------------------------------- anything

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
WHOLE = {
    "awattar": MARKET,
    "energy_charts": {"unix_seconds": [1_790_000_000], "price": [1.0], "unit": "EUR/MWh"},
    "electricity_maps": {"forecast": [{"carbonIntensity": 1, "datetime": "2026-11-26T22:00Z"}]},
    "table": {"values": [{"start": "2026-11-26T22:00Z", "price": 0.1}]},
    "open_meteo": {
        "hourly_units": {"time": "unixtime", "shortwave_radiation": "W/m²"},
        "hourly": {"time": [1_790_000_000], "shortwave_radiation": [1.0]},
    },
    "solcast": {
        "forecasts": [{"pv_estimate": 1, "period_end": "2026-11-26T22:00:00.0000000Z", "period": "PT30M"}]
    },
    "forecast_solar": {"result": {"watt_hours_period": {"2026-11-26T22:00Z": 1, "2026-11-26T23:00Z": 1}}},
}


def answered(name, body):
    try:
        parse(name, body, Asked(FORMATS[name]))
    except FormatError:
        return


def places(found, above=()):
    """Yield the way to every value of a document."""
    yield above
    if isinstance(found, dict | list):
        for key in found if isinstance(found, dict) else range(len(found)):
            yield from places(found[key], (*above, key))


def changed(found, where, value):
    if not where:
        return value
    inner = changed(found[where[0]], where[1:], value)
    if isinstance(found, dict):
        return found | {where[0]: inner}
    return [inner if index == where[0] else each for index, each in enumerate(found)]


@pytest.mark.parametrize("name", sorted(FORMATS))
@given(body=st.binary(max_size=200))
def test_any_bytes_are_a_series_or_an_error_of_ours(name, body):
    answered(name, body)


@pytest.mark.parametrize("name", sorted(FORMATS))
@settings(max_examples=150)
@given(data=st.data())
def test_a_document_with_anything_in_any_place_is_a_series_or_an_error_of_ours(name, data):
    where = data.draw(st.sampled_from(sorted(places(WHOLE[name]), key=str)))
    body = json.dumps(changed(WHOLE[name], where, data.draw(json_values))).encode()
    answered(name, body)


@given(text=st.text(alphabet='start,price;\n"0123456789.-:TZ+ ', max_size=120))
def test_any_table_of_text_is_a_series_or_an_error_of_ours(text):
    answered("table", b"start,price\n" + text.encode())
