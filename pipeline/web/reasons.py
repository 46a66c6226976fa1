"""Reasons in the reader's language: why a portal waits, why RabbitMQ or an answer does.

Reasons are made where things happen, in English, as they stand in logs, metrics and `/api/lag`; the Russian page says
what it knows of them in Russian. What a portal or a broker said itself stays as it was said.
"""

from __future__ import annotations

import re

__all__ = ["in_language"]

#: what is said in English -> in Russian
_RUSSIAN = [
    (re.compile(pattern), russian)
    for pattern, russian in (
        # portal/view.py
        (r"^calls are under way$", "вызовы идут"),
        (r"^(\d+) calls of unknown outcome are looked up soon$", r"вызовов с неизвестным исходом: \1, скоро проверим"),
        (r"^(\d+) plans wait for what they have not found$", r"планов ждут того, чего ещё нет: \1"),
        (r"^taken over: looking for answers that are there already$", "принят от другого: ищем уже готовые ответы"),
        (r"^intensity limit until (\S+)$", r"лимит интенсивности до \1"),
        (r"\bcredential (\S+) is refused \(", r"ключ доступа \1 отклонён ("),
        (r"\); tried again at (\S+)", r"); следующая попытка в \1"),
        (r"\); tried again now\b", r"); пробуем снова"),
        (r"^method (\S+) is held until ([\d:]+)", r"метод \1 придержан до \2"),
        (r"\bthrottle (.+?) until ([\d:]+)", r"ограничение \1 до \2"),
        (r"^not in the settings$", "нет в настройках"),
        # portal/wire/client.py
        (r": no connection in time\b", ": нет соединения за отведённое время"),
        (r": no answer in time\b", ": нет ответа за отведённое время"),
        (r"\bthe answer \(HTTP (\d+)\) broke off\b", r"ответ (HTTP \1) оборвался"),
        (r"; nothing was sent$", "; ничего не отправлено"),
        (r"; nobody knows whether it was executed$", "; неизвестно, выполнен ли вызов"),
        (r"\bHTTP (\d+), but the answer is not in JSON\b", r"HTTP \1, но ответ не в JSON"),
        (r"\bHTTP (\d+) without an error code\b", r"HTTP \1 без кода ошибки"),
        # ops/health.py
        (r"^(.+): down; ", r"\1: недоступен; "),
        (r"^(.+): auth; ", r"\1: нет доступа; "),
        (r"^(.+): blocked; ", r"\1: заблокирован; "),
        (r"; since ([\d:]+)", r"; с \1"),
        (r"; next try at ([\d:]+)", r"; следующая попытка в \1"),
        (r"^down for (.+?): ", r"нет соединения уже \1: "),
        (r"^no answer for (.+?): ", r"нет ответа уже \1: "),
        (r"^(\d+) answers parked for (.+?): ", r"отложено ответов \1 для \2: "),
        (r"^joining the group\b", "входит в группу"),
        (r"^rebalancing\b", "идёт перераспределение"),
        (r"^recovering tables\b", "восстанавливаются таблицы"),
        (r" for (\d+) s$", r" уже \1 с"),
        (r": no commit for (\d+) s\b", r": нет фиксации уже \1 с"),
        (r"; another worker's$", "; у другого обработчика"),
        (r"; RabbitMQ is down$", "; RabbitMQ недоступен"),
        (r"; (\d+) requests wait for portals, no more are taken in$", r"; порталов ждут \1, больше не берём"),
        (r"; its effects fail one after another, so it holds them back$", "; действия не удаются подряд и придержаны"),
        (r"^takes no documents for (.+?), (\d+) wait here: ", r"не принимает документы уже \1, ждут здесь \2: "),
        (r"; Elasticsearch takes no documents$", "; Elasticsearch не принимает документы"),
        # search/
        (r"\bElasticsearch cannot be reached: ", "Elasticsearch недоступен: "),
        (r"\bElasticsearch did not answer in time$", "Elasticsearch не ответил вовремя"),
        (r"\bElasticsearch takes no documents: ", "Elasticsearch закрыт для записи: "),
        (r"\bElasticsearch refuses our login or its rights \((\d+)\): ", r"Elasticsearch отказал в доступе (\1): "),
        (r"\bElasticsearch is overloaded: ", "Elasticsearch перегружен: "),
        (r"\bElasticsearch answers (\d+): ", r"Elasticsearch отвечает \1: "),
        (r"\bElasticsearch's certificate is not accepted: ", "сертификат Elasticsearch не принят: "),
        (
            r"\b(\S+) is an index of Elasticsearch; it must be an alias: remove or rename that index$",
            r"\1 — индекс Elasticsearch, а должен быть псевдонимом: удалите или переименуйте этот индекс",
        ),
        (
            r"\bthe alias (\S+) stands before (.+); it must be one index$",
            r"псевдоним \1 стоит перед \2; индекс должен быть один",
        ),
        (
            r"\bthe alias (\S+) is missing although there is (\S+): put it before that index again$",
            r"псевдонима \1 нет, хотя есть \2: верните его этому индексу",
        ),
        (r"\bindex (\S+) cannot be made: ", r"индекс \1 не создаётся: "),
        # bridge/
        (r"\breturned by RabbitMQ: ", "возвращено RabbitMQ: "),
        (
            r"\brefused by RabbitMQ: the queue is full, or it could not be written$",
            "отклонено RabbitMQ: очередь полна или не пишется",
        ),
        (r"\bRabbitMQ is away since (\S+): ", r"RabbitMQ недоступен с \1: "),
        (r"\bnot connected yet$", "ещё не соединялись"),
        (r"\bthe channel was closed$", "канал закрыт"),
        (r"\bis used as it is: ", "используется как есть: "),
        (
            r"; it is not durable: a restart of RabbitMQ loses it, and messages with it$",
            "; не постоянная: при перезапуске RabbitMQ пропадёт вместе с сообщениями",
        ),
    )
]


def in_language(reason: str, language: str) -> str:
    """A reason as the page says it; `language` is en or ru."""
    if language != "ru":
        return reason
    for pattern, russian in _RUSSIAN:
        reason = pattern.sub(russian, reason)
    return reason
