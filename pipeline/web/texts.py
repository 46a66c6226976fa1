"""The words of the pages, in English and Russian, and which of the two a visitor reads."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["DEFAULT", "LANGUAGES", "TEXTS", "choose"]

LANGUAGES = ("en", "ru")
DEFAULT = "en"

#: key -> (English, Russian)
_WORDS: dict[str, tuple[str, str]] = {
    "title": ("Lag of the bus", "Отставание шины"),
    "group": ("consumer group", "группа"),
    "worker": ("worker", "обработчик"),
    "measured": ("measured", "измерено"),
    "ago": ("ago", "назад"),
    "not_measured": ("not measured yet", "ещё не измерено"),
    "kafka_down": ("Kafka does not answer since", "Kafka не отвечает с"),
    "connection_lost": ("no answer from this worker since", "обработчик не отвечает с"),
    "figures_old": ("The figures below are the last known ones.", "Ниже последние известные значения."),
    "json": ("JSON", "JSON"),
    "health": ("health", "состояние"),
    "metrics": ("metrics", "метрики"),
    "word.ok": ("all well", "всё хорошо"),
    "word.degraded": ("degraded", "есть помехи"),
    "word.failed": ("failed", "сбой"),
    "records": ("records not processed", "записей не обработано"),
    "requests": ("requests wait for portals", "запросов ждут порталов"),
    "oldest": ("oldest", "самая старая"),
    "oldest_request": ("oldest", "самый старый"),
    "oldest_record": ("Oldest record", "Самая старая"),
    "this_worker": ("this worker", "этот обработчик"),
    "parked": ("answers parked", "ответов отложено"),
    "agents": ("Agents", "Агенты"),
    "agent": ("Agent, topic", "Агент, топик"),
    "partitions": ("Partitions", "Партиции"),
    "committed": ("Committed", "Зафиксировано"),
    "end": ("End", "Конец"),
    "lag": ("Lag", "Отставание"),
    "commit_age": ("No commit for", "Без фиксации"),
    "state": ("State", "Состояние"),
    "show": ("show partitions", "показать партиции"),
    "no_commit": ("no commit", "нет фиксации"),
    "expired": ("removed unread by retention", "удалено по сроку непрочитанным"),
    "rewound": ("topic made anew, all of it counts", "топик создан заново, считается весь"),
    "missing": ("topic does not exist", "топика нет"),
    "gateway": ("portal gateway", "шлюз порталов"),
    "gateway_note": (
        "taken in and committed, wait for a portal",
        "приняты и зафиксированы, ждут портала",
    ),
    "parking": ("parked answers", "отложенные ответы"),
    "parking_note": (
        "kept and committed, their destination takes none",
        "сохранены и зафиксированы, назначение их не берёт",
    ),
    "agent.ok": ("caught up", "всё обработано"),
    "agent.behind": ("behind", "отстаёт"),
    "agent.stuck": ("stuck", "стоит"),
    "agent.missing": ("no topic", "нет топика"),
    "portals": ("Portals", "Порталы"),
    "portal": ("Portal", "Портал"),
    "waiting": ("Waiting", "Ждут"),
    "oldest_waiting": ("Oldest", "Самый старый"),
    "sent": ("In flight", "Отправлено"),
    "per_minute": ("Done per minute", "Готово в минуту"),
    "why": ("Why they wait", "Почему ждут"),
    "owner": ("Worker", "Обработчик"),
    "portal.ok": ("ok", "работает"),
    "portal.throttled": ("throttled", "ограничен"),
    "portal.held": ("held", "придержан"),
    "portal.auth": ("auth failed", "нет доступа"),
    "portal.blocked": ("blocked", "заблокирован"),
    "portal.down": ("down", "недоступен"),
    "portal.stale": ("owner gone", "без владельца"),
    "portal.none": ("no word yet", "нет сведений"),
    "owner_gone": ("nothing heard of its owner since", "от владельца нет вестей с"),
    "no_owner": (
        "no worker has said anything of it in the last hour",
        "за последний час ни один обработчик о нём не сообщал",
    ),
    "settling": ("outcome unknown, looked up soon", "исход неизвестен, скоро проверим"),
    "held_until": ("held until", "придержан до"),
    "since": ("since", "с"),
    "until": ("until", "до"),
    "next_try": ("next try at", "следующая попытка в"),
    "throttle": ("throttle", "ограничение"),
    "moved_to": ("answers at a new address, change the settings:", "отвечает по новому адресу, поправьте настройки:"),
    "no_portals": ("no portal is configured", "порталы не настроены"),
    "watches": ("run again when what they miss appears", "повторятся, когда появится недостающее"),
    "search": ("Search index", "Поисковый индекс"),
    "search.ok": ("ok", "работает"),
    "search.away": ("takes no documents", "не принимает документы"),
    "documents_waiting": ("Documents waiting", "Ждут документов"),
    "bridge": ("RabbitMQ", "RabbitMQ"),
    "connection": ("Connection", "Соединение"),
    "connected": ("connected", "есть"),
    "down_since": ("down since", "нет с"),
    "queue": ("Queue", "Очередь"),
    "consuming": ("consumed here", "читает"),
    "not_consuming": ("standby", "в запасе"),
    "on_command": ("drained by command", "разбирается командой"),
    "received": ("Received", "Принято"),
    "unacked": ("Un-acked", "Не подтверждено"),
    "destination": ("Destination", "Назначение"),
    "parked_column": ("Parked", "Отложено"),
    "no_bridge": ("no worker has said anything of its bridge", "сведений о мосте нет"),
    "no_parked": ("no answer is parked", "отложенных ответов нет"),
    "token": ("Access token", "Ключ доступа"),
    "enter": ("Enter", "Войти"),
    "token_wrong": ("The token is missing or wrong.", "Ключ не указан или неверен."),
    "token_needed": (
        "These pages can be reached from outside, but no token is set: set PIPELINE_WEB_TOKEN.",
        "Страницы доступны извне, но ключ не задан: задайте PIPELINE_WEB_TOKEN.",
    ),
    "decimal": (".", ","),
    "s": ("s", "с"),
    "min": ("min", "мин"),
    "h": ("h", "ч"),
    "d": ("d", "дн"),
}

TEXTS: dict[str, dict[str, str]] = {
    language: {key: words[index] for key, words in _WORDS.items()} for index, language in enumerate(LANGUAGES)
}


def choose(asked: str | None, remembered: str | None, accepted: str | None) -> str:
    """The language of a page: `?lang=`, else the cookie, else the header Accept-Language, else English."""
    for candidate in (asked, remembered):
        if candidate in LANGUAGES:
            return candidate
    for tag in _preferred(accepted or ""):
        if tag in LANGUAGES:
            return tag
    return DEFAULT


def _preferred(header: str) -> Iterable[str]:
    """Primary tags by falling weight: `ru-RU,ru;q=0.9,en;q=0.8` -> ru, ru, en."""
    weighted = []
    for part in header.split(","):
        tag, *parameters = (piece.strip() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                try:
                    weight = float(value)
                except ValueError:
                    weight = 0.0
        if weight > 0:
            weighted.append((-weight, tag.split("-")[0].lower()))
    return [tag for _, tag in sorted(weighted, key=lambda pair: pair[0])]
