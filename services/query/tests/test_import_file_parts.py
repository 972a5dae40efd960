import pytest
from hypothesis import given
from hypothesis import strategies as st
from query.import_files.intake import FormReader, InvalidUpload
from query.import_files.names import attachment, clean_name, clean_type, disposed_name

BOUNDARY = "----b"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("customers.csv", "customers.csv"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("C:\\Users\\me\\a.csv", "a.csv"),
        ("a\0b\r\nc\x7f.csv", "abc.csv"),
        ("\u202evsc.exe", "vsc.exe"),
        ("\ud800.csv", ".csv"),
        ("Kunden 2026 – Österreich 🙂.csv", "Kunden 2026 – Österreich 🙂.csv"),
        ("x" * 300, "x" * 255),
        (" a ", "a"),
        ("..", None),
        ("a/..", None),
        ("dir/", None),
        ("", None),
        (None, None),
    ],
)
def test_a_name_is_kept_without_path_and_controls(
    given: str | None, kept: str | None
) -> None:
    assert clean_name(given) == kept


@given(st.text(max_size=400))
def test_any_name_becomes_one_header_that_no_name_breaks(text: str) -> None:
    name = clean_name(text) or "x"

    header = attachment(name)

    header.encode("latin-1")
    assert header.isprintable()
    assert header.count('"') == 2
    assert disposed_name(header) in (name, header.split('"')[1])


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="a;b.csv"', "a;b.csv"),
        ("attachment; filename*=UTF-8''na%C3%AFve.csv", "naïve.csv"),
        ('attachment; filename="Ã¶.csv"', "ö.csv"),
        ('attachment; filename="\xf6.csv"', "ö.csv"),
        ("attachment", None),
        ("x; filename*=bogus''%ff", "ÿ"),
        (None, None),
    ],
)
def test_a_disposition_names_the_file_in_every_notation(
    header: str | None, name: str | None
) -> None:
    assert disposed_name(header) == name


@pytest.mark.parametrize(
    "text", ["text/csv", "text/csv; charset=utf-8", "application/vnd.ms-excel"]
)
def test_a_content_type_is_kept_as_it_came(text: str) -> None:
    assert clean_type(text) == text


@pytest.mark.parametrize(
    "text", [None, "", "csv", "text/csv\r\nx: y", "text/csv; é", "a/" + "b" * 300]
)
def test_what_is_no_content_type_is_dropped(text: str | None) -> None:
    assert clean_type(text) is None


def form(*parts: tuple[str, bytes], end: bool = True) -> bytes:
    body = b"".join(
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode()
        + content
        + b"\r\n"
        for head, content in parts
    )
    return body + (f"--{BOUNDARY}--\r\n".encode() if end else b"")


def read(body: bytes, step: int = 1 << 20) -> tuple[FormReader, bytes]:
    reader = FormReader(BOUNDARY)
    found = bytearray()
    for start in range(0, len(body), step):
        for chunk in reader.read(body[start : start + step]):
            found += chunk
    reader.end()
    return reader, bytes(found)


@given(
    st.binary(max_size=300)
    | st.sampled_from(
        [b"\r\n--", b"\r\n------b", b"--" + BOUNDARY.encode(), b"\r\n", b"\r\r\n-\r\n"]
    ),
    st.integers(1, 60),
)
def test_a_form_gives_its_file_whatever_its_bytes_and_wherever_it_is_cut(
    content: bytes, step: int
) -> None:
    delimiter = f"\r\n--{BOUNDARY}".encode()
    if delimiter in b"\r\n" + content:
        return

    reader, found = read(
        form(('name="note"', b"hi"), ('name="f"; filename="a.csv"', content)), step
    )

    assert (reader.name, found) == ("a.csv", content)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (form(('name="f"', b"x")), "has no file"),
        (form(), "has no file"),
        (form(('name="f"; filename="a"', b"x"), end=False), "ends before"),
        (form(('name="f"; filename="a"', b""))[:-8], "ends before"),
        (b"no form at all", "cannot be read"),
        (form(*[('name="f"; filename="a"', b"x")] * 2), "several files"),
        (form(('name="f"', b"x" * 70_000)), "beside its file"),
        (form(("x" * 9_000, b"x")), "cannot be read"),
        (b"", "ends before"),
    ],
)
def test_what_is_no_form_with_one_file_is_refused_in_words(
    body: bytes, says: str
) -> None:
    with pytest.raises(InvalidUpload, match=says):
        read(body)
