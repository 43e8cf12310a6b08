import tomllib

from hypothesis import given
from hypothesis import strategies as st

from bridge.toml_positions import paths, positions

DOCUMENT = r'''
# a comment with = and [brackets]
port = 5540
"quoted # key" = 'plain # text'
polling.interval = 2.0    # dotted
text = """
[not.a.table]
x = 1 \""" still text"""
list = [1, [2, 3], { a = 1, b.c = "}" }]

[demo]
modules = 3
  [demo.deeper]
  seed = 7

[[modules]]
host = "a"
[[modules]]
host = "b"
  [modules.extra]
  unit = 1
'''


def test_every_key_is_found_where_it_stands():
    found = positions(DOCUMENT)
    assert set(found) == set(paths(tomllib.loads(DOCUMENT)))
    assert found["port",] == (3, 1)
    assert found["polling", "interval"] == (5, 1)
    assert found["demo", "deeper", "seed"] == (14, 3)
    assert found["modules", 1, "host"] == (19, 1)
    assert found["modules", 1, "extra", "unit"] == (21, 3)
    assert found["list", 2, "b", "c"] == (9, 29)


bare = st.text("abcXYZ019_-", min_size=1, max_size=4)
text = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=6)


def quoted(value):
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


keys = st.one_of(bare, text.map(quoted), text.filter(lambda t: "'" not in t).map(lambda t: f"'{t}'"))
scalars = st.one_of(
    st.integers(-99, 99).map(str),
    st.sampled_from(["true", "1979-05-27 07:32:00", "1.5e3", "inf", '"""a\n"b" = [1]"""', "'''x'''''"]),
    text.map(quoted),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[\n" + ", # c ]\n".join(items) + "\n]"),
        st.lists(st.tuples(keys, inner), max_size=3).map(
            lambda items: "{" + ", ".join(f"{key} = {value}" for key, value in items) + "}"
        ),
    ),
    max_leaves=6,
)
lines = st.one_of(
    st.tuples(st.lists(keys, min_size=1, max_size=3), values).map(lambda kv: f"{'.'.join(kv[0])} = {kv[1]}"),
    st.lists(keys, min_size=1, max_size=3).map(lambda key: f"[ {' . '.join(key)} ] # [x]"),
    st.lists(keys, min_size=1, max_size=2).map(lambda key: f"[[{'.'.join(key)}]]"),
    st.sampled_from(["", "  # comment = 1", "\t"]),
)


@given(st.lists(lines, max_size=8))
def test_whatever_tomllib_accepts_is_located_completely(document):
    # Lines that would make the document invalid are left out one by one.
    accepted = []
    for line in document:
        try:
            tomllib.loads("\n".join([*accepted, line]))
        except tomllib.TOMLDecodeError:
            continue
        accepted.append(line)
    text = "\n".join(accepted)
    assert set(positions(text)) == set(paths(tomllib.loads(text)))
