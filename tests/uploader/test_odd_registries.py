"""Registries that are sound, and do what few do."""

from __future__ import annotations

import pytest

from roadstead.client.errors import TransferError
from roadstead.client.http import Patience, RegistryClient
from roadstead.client.login import Login
from roadstead.client.names import Host
from tests.migrate.peer import Asked, Peer, Says, Script, peer

PASSWORD = "not-to-be-seen"


def test_a_token_service_that_is_away_for_a_moment_is_waited_for() -> None:
    faults = [503, 429]

    def answer(there: Peer) -> Script:
        def says(asked: Asked) -> Says:
            if asked.path.startswith("/token"):
                return Says(faults.pop(0)) if faults else Says(200, b'{"token": "t"}')
            if asked.headers.get("authorization") == "Bearer t":
                return Says(200, b"{}")
            return Says(401, b"", {"WWW-Authenticate": f'Bearer realm="{there.url}/token"'})

        return says

    with peer(answer) as there:
        client = RegistryClient(Host(there.host, "http"), None, Patience([0.0] * 3, lambda _: None))
        assert client.send("GET", "/v2/").status == 200
    assert faults == []


@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
def test_another_host_that_an_upload_is_sent_to_gets_no_login_by_asking_for_one(
    scheme: str,
) -> None:
    def answer(there: Peer) -> Script:
        def says(asked: Asked) -> Says:
            if asked.path.startswith("/token"):
                return Says(200, b'{"token": "t"}')
            return Says(401, b"", {"WWW-Authenticate": f'{scheme} realm="{there.url}/token"'})

        return says

    with peer(answer) as other, peer(lambda _: lambda __: Says(200)) as there:
        host, login = Host(there.host, "http"), Login("anna", PASSWORD)
        client = RegistryClient(host, login, Patience((), lambda _: None))
        with pytest.raises(TransferError):
            client.send("POST", f"{other.url}/v2/a/blobs/uploads/1")
        assert other.logins() == set()


def test_a_redirect_within_the_registry_is_followed_with_the_login() -> None:
    login = Login("anna", PASSWORD)

    def says(asked: Asked) -> Says:
        if asked.headers.get("authorization") != login.basic:
            return Says(401, b"", {"WWW-Authenticate": 'Basic realm="here"'})
        if asked.path.startswith("/v2/"):
            return Says(307, b"", {"Location": f"/store{asked.path}"})
        return Says(200, b"found")

    with peer(lambda _: says) as there:
        client = RegistryClient(Host(there.host, "http"), login, Patience(()))
        assert client.read("/v2/a/manifests/1", limit_bytes=100).body == b"found"


@pytest.mark.parametrize("realm", ["", "registry", "ftp://a/token", "https://[", "https://[x]/t"])
def test_a_realm_that_is_no_url_is_told(realm: str) -> None:
    says = Says(401, b"", {"WWW-Authenticate": f'Bearer realm="{realm}"'})
    with peer(lambda _: lambda __: says) as there:
        client = RegistryClient(Host(there.host, "http"), None, Patience(()))
        with pytest.raises(TransferError, match="which is no URL"):
            client.ping()
