"""A server that speaks S3 (moto), and the signature against botocore's own."""

import hashlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ingest.models import Collection, SyncSource
from ingest.sources.base import Limits, Place, Secret, SourceError
from ingest.sources.s3 import S3Source
from ingest.sources.sigv4 import SigV4
from tests.sources import servers
from tests.sources.conftest import Make, counted, cycle, living

NOW = datetime(2026, 11, 3, 9, 8, 7, tzinfo=UTC)
KEY = "AKIAIOSFODNN7EXAMPLE"


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def theirs(method: str, url: str, headers: dict[str, str]) -> str:
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    request = AWSRequest(method, url, headers=headers)
    with mock.patch("botocore.auth.get_current_datetime", return_value=NOW.replace(tzinfo=None)):
        S3SigV4Auth(Credentials(KEY, "secret"), "s3", "eu-central-1").add_auth(request)
    return str(request.headers["Authorization"])


@hypothesis_settings(deadline=None, max_examples=50)
@given(st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=30))
def test_requests_are_signed_as_botocore_signs_them(key: str) -> None:
    if any(part in (".", "..") for part in key.split("/")):
        return  # never asked for: names.shown
    path = quote(key, safe="/-_.~")
    for url in (
        f"https://s3.example.org:9000/bucket/{path}",
        f"https://s3.example.org/bucket?list-type=2&prefix={quote(key, safe='')}&max-keys=1000",
    ):
        request = httpx.Request("GET", url)
        next(SigV4(Secret(KEY, "secret"), "eu-central-1", NOW).auth_flow(request))
        ours = request.headers["Authorization"].replace(",", ", ")
        signed = {"Host": request.url.netloc.decode(), "x-amz-content-sha256": sha("")}
        assert ours == theirs("GET", url, signed)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    port, fault = servers.free_port(), tmp_path_factory.mktemp("s3") / "fault"
    with servers.running(servers.serve("s3", port, fault=fault), port):
        yield port, fault


class Bucket:
    def __init__(self, port: int, name: str) -> None:
        import boto3

        with mock.patch.dict(os.environ, {"AWS_EC2_METADATA_DISABLED": "true"}):
            self.client = boto3.client(
                "s3",
                endpoint_url=f"http://127.0.0.1:{port}",
                aws_access_key_id=KEY,
                aws_secret_access_key="secret",
                region_name="us-east-1",
            )
        self.name = name
        self.client.create_bucket(Bucket=name)

    def put(self, key: str, text: str) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=text.encode())

    def move(self, key: str, to: str) -> None:
        self.client.copy_object(
            Bucket=self.name, Key=to, CopySource={"Bucket": self.name, "Key": key}
        )
        self.delete(key)

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=key)


@pytest.fixture
def bucket(
    server: tuple[int, Path], request: pytest.FixtureRequest, settings: Any, secrets: Path
) -> Bucket:
    port, fault = server
    fault.unlink(missing_ok=True)
    settings.GATES = [f"s3=127.0.0.1:{port}"]
    (secrets / "s3").write_text(f"user={KEY}\npassword=secret\naddress=127.0.0.1:{port}\n")
    return Bucket(port, hashlib.sha256(request.node.name.encode()).hexdigest()[:20])


@pytest.fixture
def source(make: Make, bucket: Bucket, server: tuple[int, Path]) -> SyncSource:
    return make(
        "s3",
        "Bucket",
        credential="s3",
        settings={
            "url": f"http://127.0.0.1:{server[0]}",
            "bucket": bucket.name,
            "prefix": "team/",
        },
    )


@pytest.mark.long
@pytest.mark.django_db
def test_new_changed_moved_and_gone(
    source: SyncSource, bucket: Bucket, collection: Collection
) -> None:
    bucket.put("team/leave.txt", "28 days.")
    bucket.put("team/a b/+ & é.txt", "On the 25th.")
    bucket.put("team/folder/", "")
    bucket.put("other/private.txt", "Outside.")
    assert counted(cycle(source)) == {"new": 2}
    assert living(collection) == {
        "Bucket/leave.txt": sha("28 days."),
        "Bucket/a b/+ & é.txt": sha("On the 25th."),
    }
    kept = set(collection.documents.values_list("pk", flat=True))
    bucket.move("team/leave.txt", "team/holidays.txt")
    with mock.patch.object(S3Source, "fetch", side_effect=AssertionError("read again")):
        assert counted(cycle(source)) == {"moved": 1}
    assert set(collection.documents.values_list("pk", flat=True)) == kept
    bucket.delete("team/holidays.txt")
    bucket.put("team/a b/+ & é.txt", "On the 26th.")
    assert counted(cycle(source)) == {"changed": 1, "gone": 1}
    assert living(collection)["Bucket/a b/+ & é.txt"] in (sha("On the 25th."), sha("On the 26th."))
    assert "Bucket/holidays.txt" not in living(collection)


@pytest.mark.long
@pytest.mark.django_db
def test_faults_erase_nothing(
    source: SyncSource, bucket: Bucket, server: tuple[int, Path], collection: Collection
) -> None:
    bucket.put("team/leave.txt", "28 days.")
    bucket.put("team/pay.txt", "On the 25th.")
    cycle(source)
    bucket.delete("team/pay.txt")
    said = []
    for word in ("500", "redirect", "cut", "loop"):
        server[1].write_text(word)
        said.append(cycle(source).error_code)
        assert len(living(collection)) == 2
    assert said == ["source-away", "source-redirects", "source-cut-off", "source-broken"]
    server[1].unlink()
    assert counted(cycle(source)) == {"gone": 1}


@pytest.mark.long
@pytest.mark.django_db
def test_listings_of_many_pages(bucket: Bucket, server: tuple[int, Path]) -> None:
    for number in range(1_100):
        bucket.put(f"team/{number}.txt", f"{number}")
    gates = frozenset({f"127.0.0.1:{server[0]}"})
    place = Place(gates=gates, secret=Secret(KEY, "secret"))
    opened = S3Source(f"http://127.0.0.1:{server[0]}", bucket.name, "", "us-east-1", place)
    assert len(list(opened.listing({}))) == 1_100
    opened.close()


def test_pages_without_end_come_to_an_end() -> None:
    from itertools import count

    from defusedxml.ElementTree import fromstring

    place = Place(gates=frozenset({"s3.example:80"}), limits=Limits(files=50))
    source = S3Source("http://s3.example", "files", "", "us-east-1", place)
    page = "<ListBucketResult><IsTruncated>true</IsTruncated>"
    page += "<NextContinuationToken>%d</NextContinuationToken></ListBucketResult>"
    pages = (fromstring(page % number) for number in count())
    with (
        mock.patch.object(source._http, "xml", side_effect=lambda *_a, **_o: next(pages)),
        pytest.raises(SourceError, match="source-too-many"),
    ):
        list(source.listing({}))
