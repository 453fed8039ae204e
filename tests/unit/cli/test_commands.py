import base64
import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from whybox.cli.main import main
from whybox.services.verify_token import verify_token
from whybox.settings import Settings
from whybox.wiring import connect


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("WHYBOX_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WHYBOX_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def claims(token: str) -> dict[str, object]:
    payload = token.split(".")[1]
    document: dict[str, object] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return document


def test_token_prints_a_token_the_gateway_accepts_and_nothing_else(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["token", "--sub", "ada"]) == 0

    out, err = capsys.readouterr()
    assert err == ""
    assert out.count("\n") == 1
    identity = verify_token(out.strip(), key=connect(Settings(home=home)).token_key, now=datetime.now(UTC))
    assert (identity.subject, identity.scopes) == ("ada", {"explain:write", "jobs:read"})


@pytest.mark.parametrize("hours", [1, 24])
def test_a_token_is_valid_for_as_long_as_asked(hours: int, capsys: pytest.CaptureFixture[str]) -> None:
    main(["token", "--sub", "ada", "--hours", str(hours)])

    found = claims(capsys.readouterr().out)
    assert found["exp"] - found["iat"] == hours * 3600  # type: ignore[operator]  # numbers, or the test fails


def test_the_secret_is_made_once_and_kept(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["token", "--sub", "ada"])
    secret = (home / "jwt-secret").read_bytes()
    main(["token", "--sub", "ada"])

    assert (home / "jwt-secret").read_bytes() == secret
    assert (home / "jwt-secret").stat().st_mode & 0o777 == 0o600


def test_tenant_prints_the_name_that_the_gateway_files_a_caller_under(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHYBOX_JWT_ISSUER", "someone")

    main(["tenant", "--sub", "ada"])

    assert capsys.readouterr().out == hashlib.sha256(b"someone|ada").hexdigest() + "\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["token"],
        ["token", "--sub", ""],
        ["token", "--sub", "x" * 256],
        ["token", "--sub", "ada", "--hours", "0"],
        ["token", "--sub", "ada", "--hours", "25"],
        ["tenant"],
        ["serve", "--port", "-1"],
        ["serve", "--port", "65536"],
        ["serve", "--port", "http"],
        ["upload"],
        ["jobs", "--follow"],
        ["jobs", "--limit", "0"],
        ["result"],
        ["result", "JOB", "--format", "xlsx"],
        ["sample"],
        ["sample", "--rows", "many", "-o", "x.csv"],
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


@pytest.mark.parametrize(
    ("variable", "value"),
    [("WHYBOX_JWT_SECRET", "changeme"), ("WHYBOX_MONTHLY_LIMIT", "many"), ("WHYBOX_STORAGE", "aws")],
)
def test_an_unsafe_setting_is_one_clear_line_and_ends_with_1(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, value)

    assert main(["token", "--sub", "ada"]) == 1

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("whybox: ")
    assert err.count("\n") == 1
    assert variable in err


def test_a_home_that_cannot_be_made_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("WHYBOX_HOME", str(tmp_path / "file" / "home"))

    assert main(["token", "--sub", "ada"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "command", ["", "demo", "serve", "token", "tenant", "upload", "jobs", "result", "sample"]
)
def test_help_teaches_by_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])

    assert ended.value.code == 0
    assert f"examples:\n  whybox {command}".rstrip() in capsys.readouterr().out


def test_a_sample_is_whole_or_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "t.csv"

    assert main(["sample", "--rows", "0", "-o", str(path)]) == 1
    assert list(tmp_path.iterdir()) == []

    assert main(["sample", "--rows", "50", "--columns", "6", "-o", str(path)]) == 0
    assert path.read_bytes().count(b"\n") == 51
    assert "50 rows" in capsys.readouterr().err


def test_a_light_command_loads_neither_the_numeric_stack_nor_a_server() -> None:
    heavy = (
        "numpy",
        "pandas",
        "sklearn",
        "scipy",
        "uvicorn",
        "samtranslator",
        "fastapi",
        "boto3",
        "rich",
        "httpx",
    )
    code = f"""
import sys
from whybox.cli.main import main
main(["tenant", "--sub", "ada"])
print(sorted(set(sys.modules) & {set(heavy)}))
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ended.stdout.splitlines()[-1] == "[]"
