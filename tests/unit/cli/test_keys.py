"""``whybox keys`` and ``whybox tenant``: what an operator types, and what holds afterwards."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from whybox.cli.main import main
from whybox.services.verify_key import verify_credential
from whybox.settings import Settings
from whybox.wiring import Ports, connect

ADA = hashlib.sha256(b"whybox|ada").hexdigest()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("WHYBOX_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WHYBOX_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def ports(home: Path) -> Ports:
    return connect(Settings(home=home))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    """Run a command and return what it printed; nothing may go to standard error."""

    def run(*arguments: str) -> str:
        assert main(arguments) == 0
        out, err = capsys.readouterr()
        assert err == ""
        return out

    return run


def test_create_prints_a_key_the_service_accepts_and_nothing_else(run, ports):
    out = run("keys", "create", "--sub", "ada")

    assert out.count("\n") == 1
    now = datetime.now(UTC)
    identity = verify_credential(out.strip(), key=ports.token_key, keys=ports.accounts.keys, now=now)
    assert (identity.tenant, identity.subject) == (ADA, "ada")
    assert identity.scopes == {"explain:write", "jobs:read"}


def test_a_key_lasts_a_year_unless_told_otherwise(run, ports):
    run("keys", "create", "--sub", "ada")
    run("keys", "create", "--sub", "ada", "--days", "30", "--scope", "jobs:read", "--name", "a laptop")

    year, month = ports.accounts.keys.of_tenant(ADA)
    assert year.expires_at - year.created_at == timedelta(days=365)
    assert month.expires_at - month.created_at == timedelta(days=30)
    assert (month.scopes, month.name) == ({"jobs:read"}, "a laptop")


def test_the_list_shows_whose_keys_there_are_and_never_a_key(run, home):
    ada = run("keys", "create", "--sub", "ada", "--name", "laptop").strip()
    grace = run("keys", "create", "--sub", "grace").strip()
    run("keys", "revoke", grace[4:16])

    everybody, only_ada = run("keys", "list"), run("keys", "list", "--sub", "ada")

    assert [line.split()[:2] for line in everybody.splitlines()[1:]] == [
        [ada[4:16], "valid"],
        [grace[4:16], "revoked"],
    ]
    assert only_ada.splitlines() == everybody.splitlines()[:2]
    assert only_ada.splitlines()[1].endswith("explain:write jobs:read, ada, laptop")
    kept = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    for text in (ada, grace):
        assert text[17:] not in everybody
        assert text[17:].encode() not in kept


def test_the_list_writes_no_control_characters_of_a_subject_to_the_terminal(run):
    run("keys", "create", "--sub", "a\x1b[2J\nb")

    assert run("keys", "list").splitlines()[1].endswith("a\ufffd[2J\ufffdb")


def test_an_empty_list_is_its_heading(run):
    assert run("keys", "list").splitlines() == [
        "id            state    made        ends        scopes, owner, name"
    ]


def test_a_revoked_key_is_refused_at_once_and_revoking_it_again_is_no_error(run, ports):
    text = run("keys", "create", "--sub", "ada").strip()

    assert run("keys", "revoke", text[4:16]) == f"revoked {text[4:16]}\n"
    run("keys", "revoke", text[4:16])

    key = ports.accounts.keys.find(text[4:16])
    assert key is not None
    assert key.revoked_at is not None


def test_keys_are_made_where_an_issuer_makes_the_tokens_too(
    run, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setenv("WHYBOX_JWKS_URL", "https://issuer.example/jwks.json")
    monkeypatch.setenv("WHYBOX_JWT_ISSUER", "https://issuer.example/")
    monkeypatch.setenv("WHYBOX_JWT_AUDIENCE", "whybox-api")

    text = run("keys", "create", "--sub", "auth0|7").strip()

    ports = connect(Settings.from_environment(os.environ))
    now = datetime.now(UTC)
    identity = verify_credential(text, key=ports.token_key, keys=ports.accounts.keys, now=now)
    assert identity.tenant == hashlib.sha256(b"https://issuer.example/|auth0|7").hexdigest()
    assert not (home / "jwt-secret").exists()


@pytest.mark.parametrize("given", ["000000000000", "nonsense", ""])
def test_an_id_that_is_none_is_one_clear_line_that_does_not_repeat_it(
    given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keys", "revoke", given]) == 1

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("whybox: ")
    assert err.count("\n") == 1
    assert not given or given not in err


def test_a_name_nobody_could_read_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "create", "--sub", "ada", "--name", "\x1b[31m"]) == 1

    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["keys"],
        ["keys", "create"],
        ["keys", "create", "--sub", ""],
        ["keys", "create", "--sub", "ada", "--days", "0"],
        ["keys", "create", "--sub", "ada", "--days", "367"],
        ["keys", "create", "--sub", "ada", "--scope", "everything"],
        ["keys", "revoke"],
        ["keys", "forget", "ID"],
        ["tenant", "disable"],
        ["tenant", "limit", "5"],
        ["tenant", "limit", "--sub", "ada"],
        ["tenant", "limit", "--sub", "ada", "-1"],
        ["tenant", "limit", "--sub", "ada", "1e3"],
        ["tenant", "limit", "--sub", "ada", "1000000001"],
        ["tenant", "limit", "--sub", "ada", "٣"],
        ["tenant", "delete", "--sub", "ada"],
        ["tenant", "--sub", "\udcff"],
    ],
)
def test_what_cannot_be_understood_ends_with_2_and_touches_nothing(
    arguments: list[str], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert "usage: whybox" in capsys.readouterr().err
    assert not home.exists()


@pytest.mark.parametrize("order", [("tenant", "{}", "--sub", "ada"), ("tenant", "--sub", "ada", "{}")])
def test_a_tenant_is_shut_out_and_let_in_again(run, ports, order):
    assert run(*(part.format("disable") for part in order)) == f"disabled {ADA}\n"
    assert ports.accounts.tenants.is_disabled(ADA)

    assert run(*(part.format("enable") for part in order)) == f"enabled {ADA}\n"
    assert not ports.accounts.tenants.is_disabled(ADA)


def test_a_limit_of_its_own_holds_at_once_and_for_this_tenant_only(run, ports):
    run("tenant", "limit", "--sub", "ada", "7")
    run("tenant", "--sub", "ada", "limit", "8")

    now = datetime.now(UTC)
    assert ports.usage.read(ADA, now=now).limit == 8
    assert ports.usage.read("somebody else", now=now).limit == 100


@pytest.mark.parametrize("arguments", [["--sub", "ada"], ["--sub=ada"]])
def test_tenant_alone_prints_the_name_and_decides_nothing(run, arguments):
    assert run("tenant", *arguments) == f"{ADA}\n"


def test_help_teaches_by_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["keys", "--help"])

    assert ended.value.code == 0
    assert "examples:\n  whybox keys create" in capsys.readouterr().out


def test_making_a_key_loads_neither_the_numeric_stack_nor_a_server() -> None:
    heavy = ("numpy", "pandas", "sklearn", "scipy", "uvicorn", "samtranslator", "fastapi", "boto3", "httpx")
    code = f"""
import sys
from whybox.cli.main import main
main(["keys", "create", "--sub", "ada"])
print(sorted(set(sys.modules) & {set(heavy)}))
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ended.stdout.splitlines()[-1] == "[]"
