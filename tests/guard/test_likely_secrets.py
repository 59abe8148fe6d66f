"""What looks like a secret is masked, and code is not."""

from pathlib import Path

import pytest

from agentflow.guard.likely_secrets import KINDS, LikelySecrets

ROOT = Path(__file__).resolve().parents[2]
LIKELY = LikelySecrets()


def made(*parts: str) -> str:
    """A key from its parts, so that this file holds none that a scanner of repositories would stop at."""
    return "".join(parts)


BODY = "MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQC7VJTUt9Us8cKj\n"
EXAMPLES = {
    "AWS access key": made("AKIA", "IOSFODNN7QWERTYU"),
    "AWS secret key": made("aws_secret_access_key = ", "wJalrXUtnFEMIK7MDENGbPxRfiCYzzKEYx1Qa9Z8"),
    "Anthropic key": made("sk-ant-", "api03-R2D2c3poAbCdEfGhIjKlMnOpQrStUvWx"),
    "OpenAI key": made("sk-proj-", "aB3dE5gH7jK9mN1pQ3sT5vW7yZ"),
    "GitHub token": made("ghp_", "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5"),
    "GitLab token": made("glpat-", "aB3dE5gH7jK9mN1pQ3sT"),
    "Slack token": made("xoxb-", "123456789012-1234567890123-aB3dE5gH7jK9mN1pQ3sT5vW7"),
    "Slack webhook": made("https://hooks.slack.com/services/", "T0AB1CD2E/B0AB1CD2E/aB3dE5gH7jK9mN1pQ3sT5vW7"),
    "Stripe key": made("sk_live_", "aB3dE5gH7jK9mN1pQ3sT5vW7"),
    "Google API key": made("AIza", "SyB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3f"),
    "Google OAuth token": made("ya29.", "a0AfH6SMBx7gH7jK9mN1pQ3sT5vW7yZ9bC"),
    "npm token": made("npm_", "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5"),
    "PyPI token": made("pypi-AgE", "IcHlwaS5vcmcCJGFiM2RFNWdIN2pLOW1OMXBRM3NUNXZXN3laOWJD"),
    "Hugging Face token": made("hf_", "aBcdEfgHijKmnPqrsTuvWxyZabcDefGhij"),
    "SendGrid key": made("SG.", "aB3dE5gH7jK9mN1pQ3sT5v.aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5hJ7kL9m"),
    "Mailgun or Mailchimp key": made("3f2a1b4c5d6e7f8091a2b3c4d5e6f708", "-us12"),
    "DigitalOcean token": made("dop_v1_", "3f2a1b4c5d6e7f8091a2b3c4d5e6f708" * 2),
    "Databricks token": made("dapi", "3f2a1b4c5d6e7f8091a2b3c4d5e6f708"),
    "Telegram token": made("123456789:AA", "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3"),
    "Discord token": made("MTA2", "NzU4ODQ3MjE5MjM0ODE2.GaBcDe.aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3f"),
    "Square token": made("sq0csp-", "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5hJ7kL9m"),
    "Vault token": made("hvs.", "CAESIaB3dE5gH7jK9mN1pQ3sT5vW7yZ"),
    "age key": made("AGE-SECRET-KEY-1", "QYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGP3X"),
    "Azure storage key": made("AccountKey=", "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5hJ7kL9m="),
    "JSON Web Token": made("eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiIxMjM0NTY3ODkwIn0", ".dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"),
    "private key": made("-----BEGIN RSA PRIV", "ATE KEY-----\n", BODY * 3, "-----END RSA PRIV", "ATE KEY-----"),
    "password in a URL": made("postgres://app:", "h7Kq29vLx3", "@db.internal/app"),
    "HTTP credentials": made("Authorization: Bearer ", "aB3dE5gH7jK9mN1pQ3sT5vW7"),
    "password or key": made('db_password: "', "h7Kq29-vLx3!m", '"'),
}


def test_there_is_an_example_of_every_kind():
    assert set(EXAMPLES) == {kind.name for kind in KINDS}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_secret_of_each_kind_is_masked_wherever_it_stands(name: str):
    secret = EXAMPLES[name]
    for text in (secret, f"é {secret}\nnext line", f'{{"a": "{secret}"}}', f"x=1 {secret} y=2\n" * 3):
        shown = LIKELY.masked(text)
        assert shown.count(f"[likely secret: {name}]") == text.count(secret), shown
        assert secret not in shown


def test_of_an_assignment_the_value_alone_is_masked():
    assert LIKELY.masked(EXAMPLES["password or key"]) == 'db_password: "[likely secret: password or key]"'
    assert LIKELY.masked(EXAMPLES["password in a URL"]) == (
        "postgres://app:[likely secret: password in a URL]@db.internal/app"
    )


def test_a_key_that_was_cut_or_numbered_is_masked():
    lines = EXAMPLES["private key"].splitlines()
    numbered = "\n".join(f"{number:>6}\t{line}" for number, line in enumerate(lines, 1))
    assert BODY.strip() not in LIKELY.masked(numbered)
    assert BODY.strip() not in LIKELY.masked("\n".join(lines[:-2]))
    assert BODY.strip() not in LIKELY.masked(EXAMPLES["private key"].replace("\n", "\\n"))


@pytest.mark.parametrize(
    "text",
    [
        "password = input('Password: ')",
        'password = os.environ["DATABASE_PASSWORD"]',
        "api_key: ${{ secrets.API_KEY }}",
        'api_key: "{{ secrets.TOKEN }}"',
        'client_secret = config.get("client_secret_2")',
        "PASSWORD=changeme123456",
        'password = "correct horse battery staple"',
        "secret: required, at least 16 characters",
        "access_token: str | None = None",
        "auth_token = self.auth_token_provider_v2",
        'API_KEY = "your-api-key-1234-goes-here"',
        "password=<YOUR_PASSWORD_12345>",
        "postgres://user:password@localhost/db",
        "https://user:${TOKEN}@example.com/",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "commit 3f2a1b4c5d6e7f8091a2b3c4d5e6f7081a2b3c4d",
        "9f86d081-884c-7d65-9a2f-eaa0c55ad015",
        'if text.startswith("-----BEGIN PRIVATE KEY-----"):',
        "sk-ant-...",
        "AKIAIOSFODNN7",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
        "Authorization: Bearer $TOKEN",
        "eyJhbGciOiJIUzI1NiJ9",
        "key: monkey-patch-everything-2",
        "tokens: 123456789012",
    ],
)
def test_what_is_no_secret_is_left_as_it_is(text: str):
    assert LIKELY.masked(text) == text


def test_nothing_in_the_sources_and_documents_of_this_project_is_taken_for_a_secret():
    read = 0
    for folder in ("agentflow", "docs", "benchmarks", "schemas", "workflows"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix in (".py", ".md", ".yaml", ".json", ".js", ".css", ".html"):
                text = path.read_text("utf-8", errors="replace")
                read += len(text)
                assert LIKELY.masked(text) == text, path
    assert read > 1_000_000


@pytest.mark.parametrize("piece", ["password=", "eyJ", "://a:", "-----BEGIN PRIVATE KEY-----", "token: a1", "\ud800"])
def test_of_text_made_to_look_like_a_beginning_for_ever_the_end_is_reached(piece: str):
    # Work that grew with the square of the length would not come back from this.
    text = piece * 100_000
    assert LIKELY.masked(text) == text
