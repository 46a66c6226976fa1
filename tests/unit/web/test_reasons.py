"""pipeline/web/reasons.py: what is said in Russian, and that the English it knows is still what the code says."""

import re
from pathlib import Path

import pytest

from pipeline.web import reasons

PACKAGE = Path(reasons.__file__).parents[1]
SOURCES = "".join(path.read_text() for path in PACKAGE.rglob("*.py") if path.name != "reasons.py")


@pytest.mark.parametrize(
    ("said", "russian"),
    [
        ("calls are under way", "вызовы идут"),
        ("intensity limit until 12:00:03", "лимит интенсивности до 12:00:03"),
        ("method crm.deal.list is held until 12:00:03", "метод crm.deal.list придержан до 12:00:03"),
        (
            "method crm.deal.list is held until 12:00:03; throttle mirror until 12:00:05",
            "метод crm.deal.list придержан до 12:00:03; ограничение mirror до 12:00:05",
        ),
        (
            "credential app is refused (HTTP 400 invalid_grant); tried again at 12:00:03; "
            "credential hook is refused (HTTP 401 NO_AUTH_FOUND); tried again now",
            "ключ доступа app отклонён (HTTP 400 invalid_grant); следующая попытка в 12:00:03; "
            "ключ доступа hook отклонён (HTTP 401 NO_AUTH_FOUND); пробуем снова",
        ),
        (
            "default: blocked; OVERLOAD_LIMIT; since 12:00:03; next try at 12:10:03",
            "default: заблокирован; OVERLOAD_LIMIT; с 12:00:03; следующая попытка в 12:10:03",
        ),
        (
            "p.example: no connection in time; nothing was sent",
            "p.example: нет соединения за отведённое время; ничего не отправлено",
        ),
        (
            "default: down; p.example: no answer in time; nobody knows whether it was executed",
            "default: недоступен; p.example: нет ответа за отведённое время; неизвестно, выполнен ли вызов",
        ),
        ("12 plans wait for what they have not found", "планов ждут того, чего ещё нет: 12"),
        (
            "takes no documents for 5 s, 3 wait here: catalog is an index of Elasticsearch; it must be an alias: "
            "remove or rename that index",
            "не принимает документы уже 5 s, ждут здесь 3: catalog — индекс Elasticsearch, а должен быть псевдонимом: "
            "удалите или переименуйте этот индекс",
        ),
        (
            "queue crm_user_queue is used as it is: PRECONDITION_FAILED; it is not durable: a restart of RabbitMQ "
            "loses it, and messages with it",
            "queue crm_user_queue используется как есть: PRECONDITION_FAILED; не постоянная: при перезапуске RabbitMQ "
            "пропадёт вместе с сообщениями",
        ),
        ("HTTP 403 ACCESS_DENIED: said by the portal", "HTTP 403 ACCESS_DENIED: said by the portal"),
        ("", ""),
    ],
)
def test_a_reason_in_both_languages(said: str, russian: str) -> None:
    assert reasons.in_language(said, "ru") == russian
    assert reasons.in_language(said, "en") == said


@pytest.mark.parametrize("pattern", [pattern.pattern for pattern, _ in reasons._RUSSIAN])
def test_the_code_still_says_so(pattern: str) -> None:
    # the texts between the groups; `until` is put behind two of them in one place
    pieces = re.split(r"\\[()]|\((?:\\.|[^\\)])*\)| until ", pattern)
    texts = [re.sub(r"\\b|[$^]", "", piece).strip(" :;") for piece in pieces]
    longest = max(texts, key=len)
    assert len(longest) >= 2 and longest in SOURCES
