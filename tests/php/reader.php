<?php
// What PHP makes of a command of a batch and of a call in JSON. Lines of JSON in, a line of JSON out for each:
//   {"command": "crm.deal.add?fields%5BTITLE%5D=x"}  ->  {"path": "crm.deal.add", "params": ...}
//   {"json": "{\"fields\": {\"TITLE\": \"x\"}}"}     ->  {"params": ...}
// "params" is a list of [type, value], nested, so that neither the order of keys nor an empty array is lost:
//   ["text", "5"]   ["null"]   ["bool", true]   ["array", [["i", "0", value], ["s", "name", value], ...]]
// Numbers are shown as PHP's text of them. A notice or a warning of PHP ends the process: none is expected.
// Run: php tests/php/reader.php; tests/integration/test_portal_encode_php.py keeps one running.

set_error_handler(function (int $level, string $text): bool {
    fwrite(STDERR, "$text\n");
    exit(1);
});

function shown(mixed $value): array
{
    if (is_array($value)) {
        $entries = [];
        foreach ($value as $key => $item) {
            $entries[] = [is_int($key) ? 'i' : 's', (string)$key, shown($item)];
        }
        return ['array', $entries];
    }
    if ($value === null) {
        return ['null'];
    }
    return is_bool($value) ? ['bool', $value] : ['text', (string)$value];
}

while (($line = fgets(STDIN)) !== false) {
    $asked = json_decode($line, true, 512, JSON_THROW_ON_ERROR);
    $answer = [];
    if (isset($asked['command'])) {
        $parts = parse_url($asked['command']);
        $answer['path'] = $parts['path'];
        parse_str($parts['query'] ?? '', $params);
    } else {
        $params = json_decode($asked['json'], true, 512, JSON_THROW_ON_ERROR);
    }
    $answer['params'] = shown($params);
    echo json_encode($answer, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE), "\n";
}
