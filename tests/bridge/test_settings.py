import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.settings import ModuleSettings
from bridge.settings_loader import SettingsError, load


@pytest.fixture
def file(tmp_path):
    return tmp_path / "ores-bridge.toml"


def loaded(path=None, environment=None, options=None):
    return load(path=path, environment=environment or {}, options=options, data_dir=Path("/data"))


def problems(path=None, environment=None, options=None):
    with pytest.raises(SettingsError) as caught:
        loaded(path, environment, options)
    return str(caught.value).splitlines()


def test_without_anything_set_the_defaults_hold():
    settings = loaded()
    assert settings.port == 5540
    assert settings.passcode is None
    assert settings.data_dir == Path("/data")
    assert settings.polling.interval == 1.0


def test_the_command_line_wins_over_the_environment_over_the_file(file):
    file.write_text('port = 1\nlog_level = "debug"\n[demo]\nmodules = 7\nseed = 3\n')
    settings = loaded(
        file,
        {"ORES_BRIDGE_PORT": "2", "ORES_BRIDGE_DEMO__SEED": "4", "HOME": "/root"},
        {"port": 3, "interface": None},
    )
    assert settings.port == 3
    assert settings.demo.seed == 4
    assert settings.demo.modules == 7
    assert settings.log_level == "debug"
    assert settings.interface is None


def test_modules_are_listed_as_tables(file):
    file.write_text(
        '[[modules]]\naddress = "192.168.1.20:502:1"\nname = "Roof"\n[[modules]]\naddress = "meter"\n'
    )
    assert loaded(file).modules == (
        ModuleSettings(address="192.168.1.20:502:1", name="Roof"),
        ModuleSettings(address="meter"),
    )


def test_an_unknown_key_is_an_error_that_says_what_was_meant(file):
    file.write_text(
        'log_level = "info"\n  prot = 5541\n[polling]\nintervall = 2\n[[modules]]\nadress = "x"\n'
    )
    assert set(problems(file)) == {
        f"{file}:6:1: modules[1].adress: there is no such key; did you mean address?",
        f"{file}:5:3: modules[1].address: is missing: give the address",
        f"{file}:4:1: polling.intervall: there is no such key; did you mean interval?",
        f"{file}:2:3: prot: there is no such key; did you mean port?",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("port = 70000", ":1:1: port: input should be less than or equal to 65535"),
        ('port = "5540"', ":1:1: port: input should be a valid integer"),
        ("port = true", ":1:1: port: input should be a valid integer"),
        ("polling = 3", ":1:1: polling: input should be an object"),
        (
            "\npasscode = 11111111",
            ":2:1: passcode: 11111111 is too easy to guess and not allowed; choose another",
        ),
        ('enable_key = "xyz"', ":1:1: enable_key: needs 32 hexadecimal digits"),
        (f'enable_key = "{"0" * 32}"', ":1:1: enable_key: all zero opens nothing; choose another"),
        ('timezone = "Berlin"', ":1:1: timezone: 'Berlin' is no time zone; write one such as Europe/Berlin"),
        (
            "[telemetry]\nsecond_days = -1",
            ":2:1: telemetry.second_days: input should be greater than or equal",
        ),
        (
            "[telemetry]\nsecond_days = 400",
            ":1:2: telemetry.minute_days: 365 is less than second_days, which is 400",
        ),
        (
            "[telemetry]\nminute_days = 0\nquarter_days = 900",
            ":3:1: telemetry.quarter_days: 900 is less than minute_days, which is for ever",
        ),
        ('[telemetry]\nenabled = "yes"', ":2:1: telemetry.enabled: input should be a valid boolean"),
        ('log_level = "loud"', ":1:1: log_level: input should be 'debug', 'info', 'warning' or 'error'"),
        ("interface = 7", ":1:1: interface: input should be a valid string"),
        ('[[modules]]\naddress = "host:port"', ":2:1: modules[1].address: 'host:port' is not host"),
        (
            '[[modules]]\ndriver = "shelly"\naddress = "plug:80:1"',
            ":3:1: modules[1].address: 'plug:80:1' is not host or host:port",
        ),
        ('[[modules]]\ndriver = "x"\naddress = "a"', ":2:1: modules[1].driver: "),
        ('modules = [{address = "a"}, {address = "a"}]', ":1:30: modules[2].address: a is listed twice"),
        ("port = \n", ":1:8: invalid value"),
        ("[polling\ninterval = 1", ":1:9: expected ']' at the end of a table declaration"),
        ("port = 1\nport = 2", ":2:9: cannot overwrite a value"),
        ("polling.interval = nan", ":1:1: polling.interval: input should be"),
        ("data_dir = 1979-05-27\nport = 1979-05-27", ":2:1: port: input should be a valid integer"),
    ],
)
def test_an_error_names_file_line_and_column(file, text, expected):
    file.write_text(text)
    assert problems(file)[0].startswith(f"{file}{expected}")


def test_an_error_names_the_variable_or_the_option():
    assert problems(environment={"ORES_BRIDGE_PORT": "none"}) == [
        "ORES_BRIDGE_PORT: port: input should be a valid integer"
    ]
    assert problems(environment={"ORES_BRIDGE_PROT": "1"}) == [
        "ORES_BRIDGE_PROT: there is no such variable; did you mean ORES_BRIDGE_PORT?"
    ]
    assert problems(options={"demo.modules": 5000}) == [
        "--modules: demo.modules: input should be less than or equal to 1000"
    ]


def test_a_file_that_cannot_be_read_is_said(tmp_path, file):
    assert problems(tmp_path / "absent.toml") == [
        f"{tmp_path}/absent.toml: cannot be read: No such file or directory"
    ]
    file.write_bytes(b"port = \xff")
    assert problems(file) == [f"{file}: is not UTF-8 text (byte 7)"]


def test_the_environment_switches_with_words_and_places_with_paths():
    settings = loaded(
        environment={
            "ORES_BRIDGE_TELEMETRY__ENABLED": "False",
            "ORES_BRIDGE_TELEMETRY__PATH": "/mnt/ssd/telemetry.db",
            "ORES_BRIDGE_TIMEZONE": "Europe/Berlin",
        }
    )
    assert not settings.telemetry.enabled
    assert settings.telemetry.path == Path("/mnt/ssd/telemetry.db")
    assert settings.timezone == "Europe/Berlin"
    assert problems(environment={"ORES_BRIDGE_TELEMETRY__ENABLED": "maybe"}) == [
        "ORES_BRIDGE_TELEMETRY__ENABLED: telemetry.enabled: input should be a valid boolean"
    ]


def test_an_enable_key_of_digits_stays_text():
    key = "0" * 31 + "1"
    assert loaded(environment={"ORES_BRIDGE_ENABLE_KEY": key}).enable_key == key


def test_every_key_is_documented():
    from bridge.settings import Settings
    from bridge.settings_loader import _leaves

    text = (Path(__file__).parents[2] / "docs/configuration.md").read_text()
    for location, _ in _leaves(Settings):
        assert f"`{location[-1]}`" in text, location
    for field in ModuleSettings.__dataclass_fields__:
        assert f"`{field}`" in text, field


fragments = st.sampled_from(
    [
        *("port", "modules", "polling", "demo", "interval", "address", "=", "[", "]", "[[", "]]", "{", "}"),
        *("1", "-1", "1.5", "true", "nan", "5540", "#", '"""', "\\", "\x00", "é", "1979-05-27", " ", "\n"),
        *(".", ",", '"', "'"),
    ]
)


@given(st.one_of(st.lists(fragments, max_size=25).map("".join), st.text(string.printable, max_size=60)))
def test_any_text_is_settings_or_a_settings_error(tmp_path_factory, text):
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_text(text, newline="")
    try:
        loaded(file)
    except SettingsError as error:
        origins = {problem.origin.partition(":")[0] for problem in error.problems}
    else:
        origins = {str(file)}
    assert origins == {str(file)}


def test_a_repository_of_firmware_and_its_root_belong_together(file):
    file.write_text('[firmware]\nurl = "https://firmware.example.org/acme"\nroot = "/etc/acme.root.json"\n')
    assert loaded(file).firmware.root == Path("/etc/acme.root.json")
    assert loaded().firmware.url == ""
    file.write_text('[firmware]\nurl = "https://firmware.example.org/acme"\n')
    assert "root: is missing" in problems(file)[0]
    file.write_text('[firmware]\nroot = "/etc/acme.root.json"\n')
    assert "url: is missing" in problems(file)[0]
    file.write_text('[firmware]\nurl = "ftp://x"\nroot = "/r"\nrollout_percent = 101\n')
    assert "rollout_percent" in problems(file)[0]
    file.write_text('[firmware]\nurl = "ftp://x"\nroot = "/r"\n')
    assert "https://" in problems(file)[0]


def test_a_tariff_has_windows_and_names_what_is_wrong_in_them(file):
    file.write_text(
        "[tariff]\nimport_price = 0.35\n[[tariff.windows]]\n"
        'start = "22:00"\nend = "06:00"\nimport_price = 0.12\ndays = ["fri"]\n'
    )
    (window,) = loaded(file).tariff.windows
    assert (window.start, window.import_price, window.days) == ("22:00", 0.12, ("fri",))
    file.write_text('[tariff]\n[[tariff.windows]]\nstart = "22h"\nend = "06:00"\nimport_price = 0.12\n')
    found = problems(file)
    assert any("tariff.import_price: is missing" in line for line in found)
    assert any(":3:1: tariff.windows[1].start: '22h' is no time of day" in line for line in found)


def test_a_place_is_a_latitude_and_a_longitude(file):
    file.write_text("[planner]\nlatitude = 52.5\n")
    (found,) = problems(file)
    assert "longitude" in found
