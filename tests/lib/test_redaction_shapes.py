"""Test secrets of the shapes that are met in logs, arguments and errors, and texts that only look like them.

The keys are made up, and put together here so that no scanner takes them for real ones.
"""

import time

import pytest

from djcelery_jobs.telemetry.redaction import is_secret, scrub

SECRET = "Xq7" + "vB2mKd9" * 6  # what must not be seen; long enough for each kind of key
HEX = "0123456789abcdef" * 4
PARTS = (SECRET, SECRET[:33], HEX[:32], "ABCDEFGHIJKLMNOP", "1111 1111", "55555", "822463", "0532 0130", "123456")
SECRETS = [
    # keys of services
    "sk_" + "live_" + SECRET,
    "rk_" + "test_" + SECRET,
    "whsec_" + SECRET,
    "gh" + "p_" + SECRET,
    "gh" + "s_" + SECRET,
    "github_" + "pat_11" + SECRET,
    "gl" + "pat-" + SECRET,
    "xox" + "b-123-456-" + SECRET,
    "xapp-" + "1-" + SECRET,
    "AK" + "IA" + "ABCDEFGHIJKLMNOP",
    "AS" + "IA" + "ABCDEFGHIJKLMNOP",
    "AI" + "za" + SECRET,
    "ya" + "29." + SECRET,
    "GOC" + "SPX-" + SECRET,
    "ey" + "J" + SECRET + "." + SECRET + "." + SECRET,
    "sk-" + "proj-" + SECRET,
    "sk-" + "ant-api03-" + SECRET,
    "SG" + "." + SECRET + "." + SECRET,
    "key-" + HEX[:32],
    "SK" + HEX[:32],
    HEX[:32] + "-us12",
    "npm_" + SECRET,
    "pypi-" + "AgEI" + SECRET,
    "dckr_" + "pat_" + SECRET,
    "dop_" + "v1_" + HEX,
    "shp" + "at_" + HEX[:32],
    "sq0" + "atp-" + SECRET,
    "hvs" + "." + SECRET,
    "gl" + "sa_" + SECRET,
    "NR" + "AK-" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ0",
    "123456789" + ":AA" + SECRET[:33],
    "https://hooks.slack.com/services/T000/B000/" + SECRET,
    "-----BEGIN " + "RSA PRIVATE KEY-----\n" + SECRET + "\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN " + "PRIVATE KEY-----\n" + SECRET,
    "4111 1111 1111 1111",
    "5555555555554444",
    "3782-822463-10005",
    "DE89 3704 0044 0532 0130 00",
    # names
    f"pass={SECRET}",
    f"PGPASSWORD={SECRET}",
    f"dbpassword={SECRET}",
    f"DB_PASS: {SECRET}",
    f"creds={SECRET}",
    "otp=123456",
    f"auth=('user', '{SECRET}')",
    f"requests.get(url, auth=(user, {SECRET}))",
    f"pw={SECRET}",
    f"user.password={SECRET}",
    f"secret_key_base: {SECRET}",
    f"aws_secret_access_key = {SECRET}",
    f"DefaultEndpointsProtocol=https;AccountName=x;AccountKey={SECRET}==",
    f"https://x.blob.core.windows.net/a?sv=2020&sig={SECRET}",
    f"https://s3.amazonaws.com/a?X-Amz-Signature={SECRET}",
    f"X-Amz-Security-Token: {SECRET}",
    f"recovery_code={SECRET}",
    f"Server=db;User Id=sa;Password={SECRET};",
    f"password := '{SECRET}'",
    f"b'password': b'{SECRET}'",
    # URLs
    f"postgres://app:{SECRET}@db/shop",
    f"postgres://app:a/{SECRET}@db/shop",
    f"redis://:{SECRET}/x@broker:6379/0",
    f"amqp://{SECRET}@broker//",
    f"callback?next=%2F&password%3D{SECRET}",
    f"body=%7B%22password%22%3A%22{SECRET}%22%7D",
    # inside of other languages
    '{"body": "{\\"password\\": \\"' + SECRET + '\\"}"}',
    '{"a": "{\\"b\\": \\"{\\\\\\"token\\\\\\": \\\\\\"' + SECRET + '\\\\\\"}\\"}"}',
    f'<input type="password" name="password" value="{SECRET}">',
    f"<input value='{SECRET}' name='api_key'>",
    f"<Password>{SECRET}</Password>",
    f"ALTER ROLE app WITH PASSWORD '{SECRET}'",
    f"CREATE USER app IDENTIFIED BY '{SECRET}'",
    f"[('password', '{SECRET}')]",
    f"machine db login app password {SECRET}",
    # headers and commands
    f"Authorization: Basic {SECRET}",
    f"Authorization: Digest username=app, response={SECRET}",
    f"Authorization: {SECRET}",
    f"Proxy-Authorization: Bearer {SECRET}",
    f"Cookie: theme=dark; remember={SECRET}",
    f"Set-Cookie: sid={SECRET}; HttpOnly",
    f"X-Api-Key: {SECRET}",
    f"curl -u app:{SECRET} https://api.example.com",
    f"mysql -u app -p{SECRET} shop",
    f"tool --password {SECRET}",
    f"tool --api-key={SECRET}",
    f"the password is {SECRET}",
]
HARMLESS = [
    *("token_count", "card_id", "cookie_consent", "max_tokens", "prompt_tokens", "token_type", "card_brand"),
    *("password_changed_at", "otp_enabled", "bypass", "compass", "authors", "author_id", "pass_count", "passed"),
    *("secret_name", "card_count", "pinned", "spin", "opinion", "signature_valid", "tokenized", "oauth", "authority"),
]
TEXTS = [
    "order 4111111111111112 is paid",  # its last digit is wrong
    "at 1732780800000000 microseconds",
    "commit 0123456789abcdef0123456789abcdef01234567",
    "job 6f9619ff-8b86-d011-b42d-00cf4fc964ff is done",
    "see https://example.com:8080/a@b for it",
    "see https://example.com/a@b for it",
    "the token is invalid",
    "the password is wrong",
    "a basic understanding",
    "GET /orders?page=2&size=50",
    "djcelery_jobs.tasks.prune succeeded in 0.52 s",
    "<input name='email' value='a@example.com'>",
    "<name>Ada</name>",
    "tool --verbose yes",
    "('email', 'a@example.com')",
    "2026-11-28 10:20:30,123 INFO worker ready",
]


@pytest.mark.parametrize("text", SECRETS, ids=lambda text: text[:30])
def test_a_secret_is_hidden(text):
    seen = scrub({"text": f"failed: {text}"}, length=2000)["text"]

    assert "[hidden]" in seen
    for part in (
        SECRET,
        SECRET[:33],
        HEX[:32],
        "ABCDEFGHIJKLMNOP",
        "1111 1111",
        "55555",
        "822463",
        "0532 0130",
        "123456",
    ):
        assert part not in seen
    assert scrub(seen, length=2000) == seen


def test_there_are_enough_of_them():
    assert len(SECRETS) >= 79


@pytest.mark.parametrize("name", HARMLESS)
def test_a_name_about_a_secret_is_shown(name):
    assert not is_secret(name)
    assert scrub(f"{name}=value") == f"{name}=value"


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_that_only_looks_like_one_is_shown(text):
    assert scrub(text) == text


@pytest.mark.parametrize("part", ["=", "a=", "<input ", "x://", "\\", "%3D"])
def test_no_text_takes_long(part):
    began = time.perf_counter()
    scrub(part * 20_000, length=20_000)
    assert time.perf_counter() - began < 5
