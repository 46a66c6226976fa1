"""The page's words."""

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "title": "Portal simulator",
        "other": "Русский",
        "scale": "Time runs {scale}× as fast: all constants of the portals are that much smaller.",
        "portal": "Portal",
        "address": "Address",
        "requests": "Requests",
        "in_flight": "In flight",
        "refused": "Refused",
        "level": "Bucket",
        "no_limit": "no limit",
        "operating": "Operating time, seconds",
        "method": "Method",
        "now": "Now",
        "most": "Most",
        "objects": "Objects",
        "kind": "Kind",
        "count": "Count",
        "twice": "Added twice by external id",
        "executions": "Last executions",
        "time": "Time",
        "took": "Took, ms",
        "outcome": "Outcome",
        "ok": "ok",
        "faults": "Faults",
        "hits": "Hits",
        "waiting": "Waiting",
        "active": "active",
        "over": "over",
        "none": "none",
        "blocked": "blocked by overload",
        "control": "Control API",
    },
    "ru": {
        "title": "Симулятор портала",
        "other": "English",
        "scale": "Время идёт в {scale} раз быстрее: во столько же раз меньше все постоянные порталов.",
        "portal": "Портал",
        "address": "Адрес",
        "requests": "Запросы",
        "in_flight": "В работе",
        "refused": "Отказы",
        "level": "Счётчик частоты",
        "no_limit": "без лимита",
        "operating": "Время выполнения, секунды",
        "method": "Метод",
        "now": "Сейчас",
        "most": "Максимум",
        "objects": "Объекты",
        "kind": "Вид",
        "count": "Количество",
        "twice": "Добавлено дважды по внешнему коду",
        "executions": "Последние выполнения",
        "time": "Время",
        "took": "Заняло, мс",
        "outcome": "Итог",
        "ok": "успех",
        "faults": "Сбои",
        "hits": "Сработал",
        "waiting": "Ждут",
        "active": "действует",
        "over": "закончился",
        "none": "нет",
        "blocked": "заблокирован за перегрузку",
        "control": "API управления",
    },
}


def language(asked: str | None, accepted: str) -> str:
    """`asked` if the page has it, else the first of the browser's languages that it has, else English."""
    if asked in WORDS:
        return str(asked)
    for part in accepted.lower().split(","):
        name = part.split(";")[0].strip().split("-")[0]
        if name in WORDS:
            return name
    return "en"
