"""What the account commands share: which tenant, and where a password comes from (never argv: others can see it)."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from mailtenant.accounts.engine import TenantEngine
from mailtenant.accounts.errors import AccountError
from mailtenant.accounts.passwords import PasswordRefused, check_password, generate_password
from mailtenant.cli import output
from mailtenant.settings import load_stack_file

LabelArgument = Annotated[str, typer.Argument(help="the tenant's label")]
StdinOption = Annotated[bool, typer.Option("--password-stdin", help="read the password from the first line of stdin")]
GenerateOption = Annotated[bool, typer.Option("--generate", help="make a password and print it once")]


def tenant_engine(project: Path | None, label: str) -> TenantEngine:
    """Where the tenant named on the command line runs."""
    return TenantEngine.of(load_stack_file(output.stack_file(project, label)).settings)


def read_password(from_stdin: bool, generate: bool) -> str:
    """Generated, from stdin, or typed twice.

    Raises: AccountError, if it breaks a rule or there is nowhere to read it from.
    """
    if from_stdin and generate:
        raise AccountError("--password-stdin and --generate exclude each other")
    if generate:
        return generate_password()
    if not from_stdin and not sys.stdin.isatty():
        raise AccountError("there is no terminal to ask for the password; use --password-stdin or --generate")
    password = _first_line() if from_stdin else typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    try:
        check_password(password)
    except PasswordRefused as error:
        raise AccountError(str(error)) from None
    return str(password)


def _first_line() -> str:
    # Octets, not text: a password is UTF-8 whatever the terminal's locale says.
    line = sys.stdin.buffer.readline()
    try:
        return line.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise AccountError("the password on stdin is not UTF-8") from None
