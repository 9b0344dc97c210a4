"""Recognise secrets inside a text by their shape: keys of well-known services, and values with a name before them."""

import re
from collections.abc import Callable
from functools import lru_cache

HIDDEN = "[hidden]"
SHORTEST_CARD = 13  # digits; no key is shorter either

# A word that begins like this is a key, whatever is around it. Each service documents its prefix.
KEYS = (
    r"(?:sk|rk|pk)_(?:live|test)_\w{10,}",  # Stripe
    r"whsec_[\w+/=]{16,}",
    r"gh[opsur]_\w{20,}",  # GitHub
    r"github_pat_\w{20,}",
    r"gl(?:pat|dt|rt|ptt|soat|cbt|sa|eu)[-_][\w.-]{16,}",  # GitLab, Grafana
    r"xox[abeoprs]-[\w-]{10,}",  # Slack
    r"xapp-[\w-]{10,}",
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",  # AWS
    r"AIza[\w-]{30,}",  # Google
    r"ya29\.[\w-]{20,}",
    r"1//0[\w-]{30,}",
    r"GOCSPX-[\w-]{20,}",
    r"eyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*){0,3}",  # JSON web tokens
    r"sk-(?:ant-|proj-|or-v1-)?[\w-]{20,}",  # OpenAI, Anthropic, OpenRouter
    r"SG\.[\w-]{16,}\.[\w-]{16,}",  # SendGrid
    r"key-[0-9a-f]{32}\b",  # Mailgun
    r"SK[0-9a-f]{32}\b",  # Twilio
    r"[0-9a-f]{32}-us\d{1,2}\b",  # Mailchimp
    r"npm_\w{30,}",
    r"pypi-[\w-]{40,}",
    r"rubygems_[0-9a-f]{40,}",
    r"dckr_(?:pat|oat)_[\w-]{20,}",  # Docker
    r"do[opr]_v1_[0-9a-f]{32,}",  # DigitalOcean
    r"hf_[A-Za-z]{30,}",  # Hugging Face
    r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",  # Shopify
    r"sq0(?:atp|csp)-[\w-]{20,}",  # Square
    r"EAAA[\w-]{40,}",
    r"dapi[0-9a-f]{32}",  # Databricks
    r"lin_(?:api|oauth)_\w{30,}",  # Linear
    r"(?:secret|ntn)_[A-Za-z0-9]{40,}",  # Notion
    r"AT(?:ATT|CTT|BB)3?[\w=-]{30,}",  # Atlassian
    r"dp\.(?:pt|st|ct|sa)\.[\w.]{30,}",  # Doppler
    r"PMAK-[0-9a-f-]{40,}",  # Postman
    r"sntry[su]_[\w=+/.-]{30,}",  # Sentry
    r"NRAK-[A-Z0-9]{20,}",  # New Relic
    r"hv[sbr]\.[\w-]{20,}",  # Vault
    r"AGE-SECRET-KEY-1[A-Z0-9]{50,}",
    r"\d{8,10}:AA[\w-]{33}",  # Telegram
    r"[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,}",  # Discord
    r"FlyV1 [\w+/=,-]{20,}",
    r"tfp_\w{30,}",
    r"pscale_(?:tkn|pw|oauth)_[\w.-]{30,}",  # PlanetScale
    r"sbp_[0-9a-f]{40}",  # Supabase
    r"re_\w{8,}_\w{16,}",  # Resend
    r"xkeysib-[0-9a-f]{40,}(?:-\w+)?",  # Brevo
)
_KEY = re.compile(rf"(?<![A-Za-z0-9_])(?:{'|'.join(KEYS)})")
_LONG_RUN = re.compile(r"[\w/+=.-]{14}")  # without one there is no key
_ONE_WORD = re.compile(r"[\w.-]*\Z")  # such as the name of a task or a UUID: most values of most log lines
_DIGITS = re.compile(r"\d(?:[ -]?\d){12}")  # without so many there is no card
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*-----|\Z)", re.DOTALL)
_WEBHOOK = re.compile(r"(hooks\.slack\.com/services/|discord(?:app)?\.com/api/webhooks/\d+/)[\w/-]+")
_CARD = re.compile(r"(?<![\w.-])(?:4|5[1-5]|2[2-7]|3[0478]|6[05])\d{0,2}(?:[ -]?\d){11,16}(?![\w-])")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")
# scheme://user:password@host. A password may hold an @ or a /, so the last @ counts; 8000/ is a port and a path.
_CREDENTIALS = re.compile(
    r"(?P<scheme>\b[a-z][a-z0-9+.-]{1,20}://)(?:[^\s/@:\"'<>]*:(?!\d+(?:/|$))[^\s\"'<>]*|[^\s/\"'<>]+)@", re.IGNORECASE
)
# A token has a character that no word has: "a basic understanding" is not a token.
_SCHEME = re.compile(
    r"\b(?P<scheme>bearer|basic|digest)\s+(?=[\w.~+/=-]*(?:[\d=+/_~]|\.\w|(?-i:[A-Z])))[\w.~+/=-]{8,}", re.IGNORECASE
)
_HEADER = re.compile(
    r"\b((?:proxy-)?authorization|(?:set-)?cookie)([\"']?\s*:\s*)(?!\s|[\"']?\[hidden\])"
    r"(?:([\"'])(?:(?!\3).)*\3?|[^\n\"']+)",
    re.IGNORECASE,
)
_INPUT = re.compile(r"<input\b[^>]*>", re.IGNORECASE)
_INPUT_NAME = re.compile(r"\b(?:name|id|type)=[\"']?([\w-]+)", re.IGNORECASE)
_INPUT_VALUE = re.compile(r"(\bvalue=)(\"[^\"]*\"|'[^']*'|[^\s>]+)", re.IGNORECASE)
_ELEMENT = re.compile(r"<([\w:.-]{1,60})(\s[^<>]*)?>([^<>]+)</\1>")
_FLAG = re.compile(r"(?<!\S)(--?([A-Za-z][\w-]{1,40})\s+)(?!-)(\"[^\"]*\"|'[^']*'|[^\s,]+)")
_USER_FLAG = re.compile(r"(\bcurl\b[^\n]*?\s(?:-u|--user)[ =]?[\"']?)([^\s:\"']*):[^\s\"']+")
_MYSQL_FLAG = re.compile(r"(\bmysql\w*\b[^\n]*?\s-p)(\S+)")
_SQL = re.compile(r"(\b(?:password|identified\s+by)\s+)('[^']*'|\"[^\"]*\")", re.IGNORECASE)
_PAIR = re.compile(r"(\(\s*[\"']([\w-]{1,60})[\"']\s*,\s*)(\"[^\"]*\"|'[^']*')")
_NETRC = re.compile(r"(\blogin\s+\S+\s+password\s+)\S+")
_PROSE = re.compile(
    r"(\b(?:password|passphrase|passcode|pin|secret|token|otp|code)\s+(?:is|was)\s+[\"']?)(?=\S*\d)[^\s\"',;]+",
    re.IGNORECASE,
)
_ENCODED = re.compile(
    r"([\w-]{1,60})((?:%22|%27)?(?:%3D|%3A)(?:%20|%22|%27)*)((?:(?!%26|%22|%27|%2C|[&\s\"']).)+)", re.IGNORECASE
)


def hide_shapes(text: str, is_secret: Callable[[str], bool]) -> str:
    """Return the text without what a shape tells to be secret. is_secret: whether a name is one."""
    if _ONE_WORD.match(text):
        return _hide_in_word(text)
    if _LONG_RUN.search(text):
        text = _KEY.sub(HIDDEN, text)
        text = _WEBHOOK.sub(rf"\g<1>{HIDDEN}", text)
    if "-----BEGIN" in text:
        text = _PEM.sub(HIDDEN, text)
    if "://" in text:
        text = _CREDENTIALS.sub(rf"\g<scheme>{HIDDEN}@", text)
    if _DIGITS.search(text):
        text = _CARD.sub(lambda match: HIDDEN if _is_card(match[0]) else match[0], text)
    text = _IBAN.sub(lambda match: HIDDEN if _is_iban(match[0]) else match[0], text)
    if "<" in text:
        text = _INPUT.sub(lambda match: _hide_input(match[0], is_secret), text)
        text = _ELEMENT.sub(
            lambda match: f"<{match[1]}{match[2] or ''}>{HIDDEN}</{match[1]}>" if is_secret(match[1]) else match[0],
            text,
        )
    if "%3" in text:
        text = _ENCODED.sub(lambda match: f"{match[1]}{match[2]}{HIDDEN}" if is_secret(match[1]) else match[0], text)
    if " " in text:
        text = _hide_words(text, is_secret)
    return text


@lru_cache(maxsize=1000)  # each log line has the same few
def _hide_in_word(word: str) -> str:
    if len(word) < SHORTEST_CARD:
        return word
    word = _KEY.sub(HIDDEN, word)
    return _CARD.sub(lambda match: HIDDEN if _is_card(match[0]) else match[0], word) if _DIGITS.search(word) else word


def _hide_words(text: str, is_secret: Callable[[str], bool]) -> str:
    if ":" in text:
        text = _HEADER.sub(lambda match: f"{match[1]}{match[2]}{match[3] or ''}{HIDDEN}{match[3] or ''}", text)
    text = _SCHEME.sub(rf"\g<scheme> {HIDDEN}", text)
    if " -" in text:
        text = _FLAG.sub(lambda match: f"{match[1]}{HIDDEN}" if is_secret(match[2]) else match[0], text)
        text = _USER_FLAG.sub(rf"\g<1>\g<2>:{HIDDEN}", text)
        text = _MYSQL_FLAG.sub(rf"\g<1>{HIDDEN}", text)
    text = _SQL.sub(rf"\g<1>{HIDDEN}", text)
    if "(" in text:
        text = _PAIR.sub(lambda match: f"{match[1]}'{HIDDEN}'" if is_secret(match[2]) else match[0], text)
    text = _NETRC.sub(rf"\g<1>{HIDDEN}", text)
    return _PROSE.sub(rf"\g<1>{HIDDEN}", text)


def _hide_input(tag: str, is_secret: Callable[[str], bool]) -> str:
    if not any(is_secret(name) for name in _INPUT_NAME.findall(tag)):
        return tag
    return _INPUT_VALUE.sub(rf'\g<1>"{HIDDEN}"', tag)


def _hide_element(match: re.Match[str], is_secret: Callable[[str], bool]) -> str:
    name, attributes = match[1], match[2] or ""
    return f"<{name}{attributes}>{HIDDEN}</{name}>" if is_secret(name) else match[0]


def _is_card(text: str) -> bool:
    """Return whether the digits end in the check digit of a card's number."""
    digits = [int(digit) for digit in text if digit.isdigit()]
    if not SHORTEST_CARD <= len(digits) <= 19:
        return False
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_iban(text: str) -> bool:
    compact = text.replace(" ", "")
    if not 15 <= len(compact) <= 34:
        return False
    moved = compact[4:] + compact[:4]
    return int("".join(str(int(letter, 36)) for letter in moved)) % 97 == 1
