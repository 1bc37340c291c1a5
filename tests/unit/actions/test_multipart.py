import pytest

from mixpanel_async.actions._core.multipart import encode_multipart
from mixpanel_async.errors import InvalidArgumentError


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("plain.csv", b'filename="plain.csv"'),
        ("C:\\data\\x.csv", b'filename="C:\\data\\x.csv"'),
        ('the "best".csv', b'filename="the %22best%22.csv"'),
        ("a\r\nb.csv", b'filename="a%0D%0Ab.csv"'),
        ("ü.csv", 'filename="ü.csv"'.encode()),
    ],
)
def test_a_file_name_is_quoted_as_browsers_do(name: str, quoted: bytes) -> None:
    """Only quotes and line breaks of a name are escaped (WHATWG); a backslash stays as it is."""
    body, media_type = encode_multipart({}, {"file": (name, b"x")})
    assert quoted in body
    boundary = media_type.partition("boundary=")[2].encode()
    assert body.count(b"\r\n") == 6
    assert body.endswith(b"--" + boundary + b"--\r\n")


def test_a_field_name_is_quoted_as_browsers_do() -> None:
    """The rule for file names holds for the names of fields."""
    body, _ = encode_multipart({'a"\n\\': "v"}, {})
    assert b'form-data; name="a%22%0A\\"' in body


def test_a_media_type_has_no_line_break() -> None:
    """A media type with a line break would add a header to the part; it raises, and the error names the file."""
    with pytest.raises(InvalidArgumentError, match=r"files\['f'\].*media type"):
        encode_multipart({}, {"f": ("name", b"x", "text/csv\r\nX: y")})
