"""Data sets by name, from a server on this machine that does everything a server can do wrong."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.server
import io
import json
import os
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from multiscope import cli
from multiscope.errors import InputError
from multiscope.public import download, registry
from multiscope.public.fetch import fetch, listing
from multiscope.public.registry import Dataset, RemoteFile


def packed() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr(zipfile.ZipInfo("images/a.tif"), b"pixels")  # of no particular time: the same in every process
    return stream.getvalue()


ZIP, TABLE = packed(), b"gene\tplace\n" * 2000
SHA = {name: hashlib.sha256(content).hexdigest() for name, content in {"zip": ZIP, "table": TABLE}.items()}


class Answers(http.server.BaseHTTPRequestHandler):
    """Each path is one behaviour."""

    protocol_version = "HTTP/1.0"
    asked: list[str] = []  # noqa: RUF012

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.asked.append(self.path)
        name = self.path.split("?")[0].strip("/").replace("/", "_")
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            getattr(self, name.replace(".", "_").replace(":", ""), self.missing)()

    def send(self, content: bytes, *, status: int = 200, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        if length != -1:
            self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        self.wfile.write(content)

    def good_zip(self) -> None:
        self.send(ZIP)

    def table_tsv(self) -> None:
        self.send(TABLE)

    def mirror_set_zip(self) -> None:
        self.send(ZIP)

    def mirror_sub_table_tsv(self) -> None:
        self.send(TABLE)

    def wrong(self) -> None:
        self.send(b"P" + ZIP[1:][::-1])

    def truncated(self) -> None:
        self.send(ZIP[:50], length=len(ZIP))

    def cut_without_length(self) -> None:
        self.send(ZIP[:50], length=-1)

    def to_file(self) -> None:
        self.send(b"", status=302, Location="file:///etc/passwd")

    def to_ftp(self) -> None:
        self.send(b"", status=302, Location="ftp://localhost/x")

    def loop(self) -> None:
        self.send(b"", status=302, Location="/loop")

    def to_good(self) -> None:
        self.send(b"", status=302, Location="/good.zip")

    def announces_much(self) -> None:
        self.send(ZIP, length=10**15)

    def endless(self) -> None:
        self.send(b"", length=-1)
        while True:
            self.wfile.write(bytes(2**16))

    def gzip_bomb(self) -> None:
        self.send(gzip.compress(bytes(2**26)), Content_Encoding="gzip")

    def odd_length(self) -> None:
        self.send(bytes(2**17), length=-1, Content_Length="many")

    def part(self) -> None:
        self.send(ZIP[:50], status=206)

    def sgd_gz(self) -> None:
        self.send(gzip.compress(TABLE, mtime=0), Content_Encoding="x-gzip")

    def page(self) -> None:
        self.send(b"\n <!DOCTYPE html><html>please log in</html>", Content_Type="application/zip")

    def broken(self) -> None:
        self.send(b"sorry\nfailed", status=500)

    def missing(self) -> None:
        self.send(b"no", status=404)

    def api_datasets_persistentId(self) -> None:  # noqa: N802
        files = [{"dataFile": {"filename": "set.zip", "id": 7}}]
        self.send(json.dumps({"data": {"latestVersion": {"files": files}}}).encode())

    def bad_api_datasets_persistentId(self) -> None:  # noqa: N802
        self.send(b'{"data": [')

    def api_access_datafile_7(self) -> None:
        self.send(ZIP)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as listening:
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_address[1]}"
        listening.shutdown()


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("MULTISCOPE_MIRROR", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MULTISCOPE_CACHE", str(tmp_path / "cache"))
    Answers.asked.clear()
    return tmp_path / "cache"


def archive(url: str | None, **changes: Any) -> dict[str, Any]:
    return {"name": "set.zip", "url": url, "sha256": SHA["zip"], "at_most": 2**16, "unpack": "zip"} | changes


def know(monkeypatch: pytest.MonkeyPatch, *files: dict[str, Any], name: str = "toy") -> None:
    known = {name: Dataset(what="Toy", license="CC0-1.0", citation="Doe 2020", files=[RemoteFile(**f) for f in files])}
    monkeypatch.setattr(registry, "datasets", lambda: known)


def nothing_is_left(tmp_path: Path, cache: Path) -> None:
    assert not (tmp_path / "to").exists()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()], "half a download is left"
    assert not list(cache.glob("*.zip"))


def test_a_data_set_is_fetched_checked_unpacked_and_described(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table = {"name": "sub/table.tsv", "url": f"{server}/table.tsv", "sha256": SHA["table"], "nbytes": len(TABLE)}
    know(monkeypatch, archive(f"{server}/to_good"), table)
    fetch("toy", to=tmp_path / "to")
    assert (tmp_path / "to/images/a.tif").read_bytes() == b"pixels"
    assert (tmp_path / "to/sub/table.tsv").read_bytes() == TABLE
    record = yaml.safe_load((tmp_path / "to/fetched.yaml").read_text())
    assert (record["license"], record["citation"], record["content"]["files"]) == ("CC0-1.0", "Doe 2020", 2)
    assert record["files"]["set.zip"] == {"url": f"{server}/to_good", "sha256": SHA["zip"], "nbytes": len(ZIP)}
    shown = capsys.readouterr().out
    assert "licence: CC0-1.0" in shown
    assert "please cite: Doe 2020" in shown


def test_a_complete_folder_is_kept_and_a_cached_file_needs_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    know(monkeypatch, archive(f"{server}/good.zip"))
    fetch("toy", to=tmp_path / "to")
    inode = (tmp_path / "to").stat().st_ino
    fetch("toy", to=tmp_path / "to")
    assert (tmp_path / "to").stat().st_ino == inode
    assert "is complete" in capsys.readouterr().out
    (tmp_path / "to/images/a.tif").unlink()
    fetch("toy", to=tmp_path / "to")
    assert (tmp_path / "to/images/a.tif").read_bytes() == b"pixels"
    assert Answers.asked == ["/good.zip"]


def test_a_damaged_cache_is_downloaded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str, own_cache: Path
) -> None:
    know(monkeypatch, archive(f"{server}/good.zip"))
    own_cache.mkdir()
    (own_cache / "set.zip").write_bytes(b"half")
    fetch("toy", to=tmp_path / "to")
    assert (own_cache / "set.zip").read_bytes() == ZIP


FAULTS = {
    "to_file": "cannot be downloaded",
    "to_ftp": "cannot be downloaded",
    "loop": "cannot be downloaded",
    "announces_much": "has 1000000000000000 bytes, expected up to 65536",
    "endless": "has more than 65536 bytes",
    "gzip_bomb": "is sent packed, which was not asked for",
    "odd_length": "has more than 65536 bytes",
    "part": "is answered with 206",
    "page": "is answered with a web page instead of the file",
    "broken": "is answered with 500",
    "missing": "is answered with 404",
}
FAULTS_SEEN_BY_HASH = {
    "wrong": "has another sha256 than expected",
    "cut_without_length": "has another sha256 than expected",
    "truncated": "cannot be downloaded|has another sha256",
}


@pytest.mark.parametrize(
    ("path", "message", "sha256"),
    [(path, message, SHA["zip"]) for path, message in (FAULTS | FAULTS_SEEN_BY_HASH).items()]
    + [(path, message, None) for path, message in FAULTS.items()],
)
def test_what_a_server_does_wrong_is_one_line_and_leaves_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    server: str,
    own_cache: Path,
    path: str,
    message: str,
    sha256: str | None,
) -> None:
    know(monkeypatch, archive(f"{server}/{path}", sha256=sha256))
    with pytest.raises(InputError, match=message) as caught:
        fetch("toy", to=tmp_path / "to", trust_on_first_use=True)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"set.zip: {server}/{path} ")
    nothing_is_left(tmp_path, own_cache)


def test_a_size_that_is_known_is_expected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    know(monkeypatch, archive(f"{server}/good.zip", sha256=None, at_most=None, nbytes=10**4))
    with pytest.raises(InputError, match=f"has {len(ZIP)} bytes, expected 10000"):
        fetch("toy", to=tmp_path / "to", trust_on_first_use=True)


def test_a_server_that_is_not_there_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    know(monkeypatch, archive("http://127.0.0.1:9/set.zip"))
    with pytest.raises(InputError, match=r"cannot be downloaded \(.*\); check the network, or name a --mirror"):
        fetch("toy", to=tmp_path / "to")
    nothing_is_left(tmp_path, own_cache)


def test_an_unknown_hash_is_refused_unless_it_is_given_or_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str, own_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    know(monkeypatch, archive(f"{server}/good.zip", sha256=None))
    with pytest.raises(InputError, match=r"its sha256 is not known.*--sha256.*--trust-on-first-use"):
        fetch("toy", to=tmp_path / "to")
    assert Answers.asked == []
    with pytest.raises(InputError, match="has another sha256"):
        fetch("toy", to=tmp_path / "to", sha256="0" * 64)
    fetch("toy", to=tmp_path / "given", sha256=SHA["zip"])
    (own_cache / "set.zip").unlink()
    fetch("toy", to=tmp_path / "trusted", trust_on_first_use=True)
    assert f"set.zip: sha256 {SHA['zip']}" in capsys.readouterr().out
    record = yaml.safe_load((tmp_path / "trusted/fetched.yaml").read_text())
    assert record["files"]["set.zip"]["sha256"] == SHA["zip"]
    assert yaml.safe_load((own_cache / "set.zip.trusted.yaml").read_text())["url"] == f"{server}/good.zip"


def test_what_was_trusted_once_must_stay_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str, own_cache: Path
) -> None:
    know(monkeypatch, archive(f"{server}/good.zip", sha256=None))
    fetch("toy", to=tmp_path / "one", trust_on_first_use=True)
    fetch("toy", to=tmp_path / "two")
    assert Answers.asked == ["/good.zip"]
    (own_cache / "set.zip").unlink()
    know(monkeypatch, archive(f"{server}/wrong", sha256=None))
    with pytest.raises(InputError, match="has another sha256"):
        fetch("toy", to=tmp_path / "three", trust_on_first_use=True)


def test_a_file_found_untrusted_in_the_cache_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str, own_cache: Path
) -> None:
    know(monkeypatch, archive(f"{server}/good.zip", sha256=None))
    own_cache.mkdir()
    (own_cache / "set.zip").write_bytes(b"left by somebody")
    fetch("toy", to=tmp_path / "to", trust_on_first_use=True)
    assert (own_cache / "set.zip").read_bytes() == ZIP


def test_a_hash_is_for_one_file_and_looks_like_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    know(monkeypatch, archive(f"{server}/good.zip"))
    with pytest.raises(InputError, match="expected 64 hexadecimal digits"):
        fetch("toy", to=tmp_path / "to", sha256="md5:abc")
    know(monkeypatch, archive(f"{server}/good.zip"), archive(f"{server}/good.zip", name="b.zip"))
    with pytest.raises(InputError, match="consists of several files"):
        fetch("toy", to=tmp_path / "to", sha256="0" * 64)


@pytest.mark.parametrize("kind", ["address", "folder"])
def test_a_mirror_has_the_files_by_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str, kind: str
) -> None:
    table = {"name": "sub/table.tsv", "url": "http://127.0.0.1:9/t", "sha256": SHA["table"], "nbytes": len(TABLE)}
    know(monkeypatch, archive("http://127.0.0.1:9/z"), table)
    folder = tmp_path / "mirror"
    (folder / "sub").mkdir(parents=True)
    (folder / "set.zip").write_bytes(ZIP)
    (folder / "sub/table.tsv").write_bytes(TABLE)
    fetch("toy", to=tmp_path / "to", mirror=f"{server}/mirror/" if kind == "address" else str(folder))
    assert (tmp_path / "to/sub/table.tsv").read_bytes() == TABLE


def test_the_cache_of_one_is_the_mirror_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str, own_cache: Path
) -> None:
    know(monkeypatch, archive(f"{server}/good.zip"))
    fetch("toy", to=tmp_path / "one")
    monkeypatch.setenv("MULTISCOPE_CACHE", str(tmp_path / "other"))
    fetch("toy", to=tmp_path / "two", mirror=str(own_cache))
    assert Answers.asked == ["/good.zip"]


def test_faults_of_a_mirror_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    know(monkeypatch, archive(f"{server}/good.zip"))
    mirror = tmp_path / "mirror"
    with pytest.raises(InputError, match=r"set.zip does not exist; put the file there"):
        fetch("toy", to=tmp_path / "to", mirror=str(mirror))
    with pytest.raises(InputError, match="expected an address with http or https, or a folder"):
        fetch("toy", to=tmp_path / "to", mirror="file:///etc")
    mirror.mkdir()
    os.mkfifo(mirror / "set.zip")
    with pytest.raises(InputError, match="is no file"):
        fetch("toy", to=tmp_path / "to", mirror=str(mirror))
    (mirror / "set.zip").unlink()
    (mirror / "set.zip").write_bytes(bytes(2**17))
    with pytest.raises(InputError, match="has 131072 bytes, expected up to 65536"):
        fetch("toy", to=tmp_path / "to", mirror=str(mirror))
    (mirror / "set.zip").write_bytes(b"other")
    with pytest.raises(InputError, match="has another sha256"):
        fetch("toy", to=tmp_path / "to", mirror=str(mirror))


def test_a_file_of_a_repository_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    def found_at(base: str, name: str = "set.zip") -> None:
        know(monkeypatch, archive(None, name=name, dataverse={"server": base, "doi": "10.17617/3.TOY"}))
        fetch("toy", to=tmp_path / name)

    found_at(server)
    assert Answers.asked == ["/api/datasets/:persistentId/?persistentId=doi:10.17617/3.TOY", "/api/access/datafile/7"]
    with pytest.raises(InputError, match=r"doi:10\.17617/3\.TOY/b\.zip is not among the 1 files of the repository"):
        found_at(server, "b.zip")
    with pytest.raises(InputError, match="the repository's answer is not understood"):
        found_at(f"{server}/bad", "c.zip")


def test_an_encrypted_address_may_not_lead_to_a_plain_one(monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    whole = download.requests.get
    monkeypatch.setattr(download.requests, "get", lambda url, **more: whole(url.replace("https:", "http:"), **more))
    with (
        pytest.raises(download._Refused, match="not encrypted"),
        download._open(f"{server}/table.tsv".replace("http", "https")),
    ):
        pass


def test_a_folder_of_others_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    know(monkeypatch, archive(f"{server}/good.zip"))
    (tmp_path / "to").mkdir()
    (tmp_path / "to/thesis.docx").write_text("years")
    with pytest.raises(InputError, match="is there already and was not fetched"):
        fetch("toy", to=tmp_path / "to")
    assert (tmp_path / "to/thesis.docx").read_text() == "years"


def test_files_added_to_a_fetched_folder_are_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    know(monkeypatch, archive(f"{server}/good.zip"))
    fetch("toy", to=tmp_path / "to")
    (tmp_path / "to/images/labels.tif").write_text("weeks")
    with pytest.raises(InputError, match=r"has files that were not fetched \(1, e.g. 'images/labels.tif'\)"):
        fetch("toy", to=tmp_path / "to")
    assert (tmp_path / "to/images/labels.tif").read_text() == "weeks"


def test_a_link_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    know(monkeypatch, archive(f"{server}/good.zip"))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "to").symlink_to("elsewhere")
    with pytest.raises(InputError, match="is there already and was not fetched"):
        fetch("toy", to=tmp_path / "to")


def test_several_may_fetch_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    know(monkeypatch, archive(f"{server}/good.zip"))
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(fetch, "toy", to=tmp_path / "to") for _ in range(8)]
    assert {type(job.exception()) for job in jobs} <= {type(None), InputError}
    assert (tmp_path / "to/images/a.tif").read_bytes() == b"pixels"
    assert not list(tmp_path.glob(".to*"))


def test_a_file_is_kept_as_its_server_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    content = gzip.compress(TABLE, mtime=0)
    table = {
        "name": "sgd.gz",
        "url": f"{server}/sgd.gz",
        "sha256": hashlib.sha256(content).hexdigest(),
        "at_most": 10**6,
    }
    know(monkeypatch, table)
    fetch("toy", to=tmp_path / "to")
    assert (tmp_path / "to/sgd.gz").read_bytes() == content


def test_a_hostile_archive_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    know(monkeypatch, archive(f"{server}/table.tsv", sha256=SHA["table"]))
    with pytest.raises(InputError, match=r"set\.zip: cannot be unpacked: File is not a zip file"):
        fetch("toy", to=tmp_path / "to")
    assert not (tmp_path / "to").exists()
    assert not list(tmp_path.glob(".to*"))


def test_an_unknown_name_lists_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"data set 'care\\n' is not known; expected one of care_planaria, "):
        fetch("care\n", to=tmp_path)


def test_the_registry_is_whole() -> None:
    known = registry.datasets()
    expected = {"care_drosophila", "care_retina", "care_tubulin", "dsb2018", "bbbc014", "yeast_gfp_toy", "go", "sgd"}
    assert expected | {"complex_portal_yeast", "complex_portal_human"} <= known.keys()
    names = [file.name for found in known.values() for file in found.files]
    assert len(names) == len(set(names)), "a mirror has one file of a name"
    for found in known.values():
        assert found.is_known or found.remark, "say why a sha256 is not known"
        assert found.citation
        assert found.license


def test_the_command_lists_and_fetches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    runner = CliRunner()
    shown = runner.invoke(cli.app, ["data", "fetch"])
    assert shown.exit_code == 0
    assert shown.output == listing() + "\n"
    assert "dsb2018  (up to 500 MB; CC0-1.0)" in shown.output
    know(monkeypatch, archive(f"{server}/good.zip"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MULTISCOPE_MIRROR", f"{server}/mirror")
    assert runner.invoke(cli.app, ["data", "fetch", "toy"]).exit_code == 0
    assert Answers.asked == ["/mirror/set.zip"]
    assert (tmp_path / "toy/images/a.tif").is_file()


@pytest.mark.parametrize("name", ["yeast_cyclenet", "sgd_go_slim"])
def test_the_hashes_of_the_registry_are_those_of_real_files(
    tmp_path: Path, real_data: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    mirror = tmp_path / "mirror"
    if name == "yeast_cyclenet":
        with zipfile.ZipFile(real_data / "yeast_cyclenet_fields/example.zip") as file:
            file.extractall(mirror)
    else:
        mirror.mkdir()
        table = gzip.decompress((real_data / "standards_yeast/sgd_go_slim_mapping.tab.gz").read_bytes())
        (mirror / "go_slim_mapping-5f6b00c.tab").write_bytes(table)
    fetch(name, to=tmp_path / "to", mirror=str(mirror))
    assert (tmp_path / "to/fetched.yaml").is_file()
