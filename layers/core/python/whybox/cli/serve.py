"""``whybox serve``: the whole service on this machine, in the foreground."""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
from pathlib import Path

from whybox.cli.options import read_settings
from whybox.cli.sample_tables import write_breast_cancer
from whybox.cli.token import make_token
from whybox.domain.jobs.object_keys import tenant_prefixes
from whybox.services.verify_token import tenant_of
from whybox.wiring import connect

_SUBJECT = "me"
_TOKEN_HOURS = 24

_EXAMPLES = """\
examples:
  whybox serve                       http://127.0.0.1:8000, until Ctrl-C
  whybox serve --port 0              any free port; the first line says which
  WHYBOX_HOME=/srv/whybox whybox serve

The routes, memory sizes and time limits are those of template.yaml: each function runs in processes of
its own, behind the same authorizer as when it is deployed. Only this machine can reach it.
"""

_WELCOME = """\
whybox serves {url}
Ctrl-C ends it; state and log are in {home}

Try it from another terminal:

curl -F {form} \\
  -H "Authorization: Bearer {token}" \\
  '{url}/mlclassification?base_model=RandomForestClassifier&n_hidden_features=5&interpretability=shap'

{about_tokens}

Or drop a table into the first of these folders, and find what explains it in the second:
  {tables}
  {results}
(t.json beside t.csv says how, as POST /v1/explanations does; without it, the column named target is meant.)
"""
_OWN_TOKENS = "The token is valid for {hours} hours; whybox token --sub YOUR-NAME makes others."
_FOREIGN_TOKENS = "TOKEN is an access token of the issuer {issuer}."


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "serve",
        help="keep the service running on this machine",
        description="Serve everything template.yaml describes on this machine, until Ctrl-C.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--port", type=_port, default=8000, help="0 takes any free one (default: %(default)s)"
    )
    parser.add_argument("--template", type=Path, help="another template.yaml than the one of this checkout")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Serve until a signal comes; every request is one line on standard error."""
    # Imported here: the other commands must not wait for the HTTP server and the template reader.
    from whybox.local.server import project_template
    from whybox.local.server import serve as serve_stack

    settings = read_settings()
    token, about_tokens = "$TOKEN", _FOREIGN_TOKENS.format(issuer=settings.jwt_issuer)
    if settings.jwks is None:
        token = make_token(_SUBJECT, hours=_TOKEN_HOURS, settings=settings, ports=connect(settings))
        about_tokens = _OWN_TOKENS.format(hours=_TOKEN_HOURS)
    home = settings.home.resolve()
    sample = write_breast_cancer(home / "samples")

    tenant = tenant_of(settings.jwt_issuer, _SUBJECT) if settings.jwks is None else None
    tables, results = _folders(home / "bucket", tenant)

    def welcome(url: str) -> None:
        form = shlex.quote(f"file=@{sample};type=text/csv")
        welcome_text = _WELCOME.format(
            url=url,
            home=home,
            form=form,
            token=token,
            about_tokens=about_tokens,
            tables=tables,
            results=results,
        )
        print(welcome_text, flush=True)

    logging.getLogger("whybox.local").addHandler(logging.StreamHandler(sys.stderr))
    serve_stack(
        settings, template=options.template or project_template(), port=options.port, on_ready=welcome
    )


def _folders(bucket: Path, tenant: str | None) -> tuple[str, str]:
    """Return where a caller's tables are dropped, made ready, and where its results appear."""
    if tenant is None:
        return f"{bucket}/batch/TENANT (whybox tenant --sub NAME prints TENANT)", f"{bucket}/results/TENANT"
    _, tables, results = (bucket / prefix for prefix in tenant_prefixes(tenant))
    tables.mkdir(parents=True, exist_ok=True, mode=0o700)
    return str(tables), str(results)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65_535):
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return int(text)
