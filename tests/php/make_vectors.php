<?php
// Writes vectors.json beside it: what PHP itself makes of parameters and of query strings.
// Run after a change, with PHP 8 of a Debian package (php-cli) and its default settings:
//   php tests/php/make_vectors.php
// The unit tests read the file; they need no PHP.
//
// build:   parameters -> http_build_query (RFC 3986), for calls that keep their meaning in a query string
// parse:   query string -> parse_str, as json_encode shows it
// numbers: a number in JSON -> PHP's text of what json_decode makes of it
// limits:  how many values, and how many levels with the name, come through a query string

$build = [
    '{"fields":{"TITLE":"Text","OPPORTUNITY":100}}',
    '{"fields":{"TITLE":"Ёлка и «кавычки» №1","COMMENTS":"строка 1\nстрока 2\r\n\tконец"}}',
    '{"fields":{"TITLE":"😀👩‍👩‍👧 🇷🇺 𝔘"}}',
    '{"fields":{"TITLE":"a&b=c+d%20e#f[0]$g?h/i\\\\j\"k\'l;m:n@o!p*q(r)s~t-u_v.w,x<y>z^|`{}"}}',
    '{"fields":{"EMPTY":"","BLANK":" ","BLANKS":"  a  b  ","ZERO":"0"}}',
    '{"fields":{"PHONE":[{"VALUE":"+7 (900) 000-00-00","VALUE_TYPE":"WORK"},{"VALUE":"2","VALUE_TYPE":"HOME"}]}}',
    '{"filter":{">=DATE_CREATE":"2026-01-01T00:00:00+03:00","!@STAGE_ID":["WON","LOSE"],"=%TITLE":"%a%","<ID":5}}',
    '{"filter":{"0":{"logic":"OR","0":{"a":1},"1":{"a":2}},"b":3},"order":{"id":"ASC"},"select":["*","UF_*"],"start":-1}',
    '{"fm":{"12":{"value":""},"n0":{"typeId":"PHONE","value":"1"}}}',
    '{"list":{"0":"a","1":"b"},"gap":{"0":"a","2":"b"},"turned":{"1":"a","0":"b"},"zero":{"01":"a","-1":"b","-0":"c"}}',
    '{"big":{"9223372036854775807":"a","9223372036854775808":"b","-9223372036854775808":"c","1e3":"d","1.5":"e"}}',
    '{"fields":{"with space":"a","with.dot":"b","trailing ":"c","Ключ":"d","k=v&w":"e","%41":"f","+":"g","#":"h"}}',
    '{"fields":{"a\tb":"1","a\nb":"2","$":"3","a$b":"4","\u007f":"5","\u00a0x":"6","?":"7"}}',
    '{"5":"a","name":"b","UPPER":"c","Имя":"d","a-b":"e","a:b":"f","GLOBALS":"g","this":"h"}',
    '{"n":[0,1,-1,9223372036854775807,-9223372036854775808,0.5,1.25,100.01,-99.99]}',
    '{"rows":[[["a","b"],["c"]],[["d"]]]}',
    '{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":"deep"}}}}}}}}',
];

$parse = [
    '', 'a', 'a=', '=a', '&&a=1&', 'a=1&a=2', 'a=1=2', 'a[]=1&a[]=2', 'a[0]=x&a[2]=y', 'a[1]=x&a[0]=y', 'a[5]=x&a[]=y',
    'a[-5]=x&a[]=y', 'a[k]=x&a[]=y', 'a=1&a[b]=2', 'a[b]=2&a=1', 'a[b]=1&a[b][c]=2', 'a[][b]=1&a[][b]=2', 'a[01]=x&a[1]=y',
    'a[-0]=x&a[0]=y', 'a[9223372036854775807]=x', 'a[9223372036854775808]=x', 'a[-9223372036854775808]=x', 'a[+1]=x', 'a[%2B1]=x',
    'a[ ]=x', 'a[ b]=x', 'a[b ]=x', 'a[%09]=x', 'a[%0A]=x', 'a[%09b]=x', 'a[  ]=x', 'a[%C2%A0]=x', 'a[%20b]=x', 'a[ 1]=x',
    ' a=1', '  a=1', '%20a=1', 'a =1', 'a b=1', 'a.b=1', 'a%2Eb=1', 'a b[c d]=1', 'a[b.c]=1', 'a.b[c.d]=1', '.a=1', 'a.=1',
    'a[b=1', 'a[b]c=1', 'a[b][c=1', 'a[b]c[d]=1', 'a]=1', 'a]b=1', '[a]=1', '[]=1', 'a[[b]=1', 'a[b[c]=1', 'a[b[c]]=1', 'a[b]]=1',
    'a[b[c=1', 'a.b[c=1', 'a[b.c=1', 'a[b c=1', ' [a]=1', 'a[=1', 'a[]b=1', 'a[][=1', '%5Ba%5D=1', 'a%5Bb%5D=1', 'a%5Bb%5D%5B%5D=1',
    'filter[>=DATE]=1', 'filter%5B%3E%3DDATE%5D=1', 'a=%zz', 'a=%4', 'a=%', 'a=%2526', 'a=b+c', 'a=b%2Bc', 'a+b=1', 'a=%F0%9F%98%80',
    '%D0%B0=1', 'a=1;b=2', 'a=1&amp;b=2', 'a=1#b', 'a?b=1', '5=a&name=b', '0=a&1=b', 'a[0]=x&a[1]=y', 'a[0][0]=x&a[1][0]=y', 'a=%0D%0A',
    'GLOBALS=1&this=2', 'a%00b=1', 'a[b%00c]=1', 'a=b%00c',
];

$numbers = [
    '0', '1', '-1', '1.0', '-0.0', '0.1', '0.30000000000000004', '1.5e3', '1e2', '1E-2', '100.10', '0.0001', '0.00001', '0.00012345',
    '99999999999999.0', '100000000000000.0', '123456789012.34', '1234567890123.45', '1e13', '1e14', '1e15', '1e20', '1.7e308', '5e-324',
    '9007199254740993', '9223372036854775807', '-9223372036854775808', '9223372036854775808', '18446744073709551615', '1e400', '3.14159265358979',
];

$vectors = ['php' => PHP_MAJOR_VERSION . '.' . PHP_MINOR_VERSION, 'build' => [], 'parse' => [], 'numbers' => [], 'limits' => []];
foreach ($build as $json) {
    $params = json_decode($json, true, 512, JSON_THROW_ON_ERROR);
    $query = http_build_query($params, '', '&', PHP_QUERY_RFC3986);
    parse_str($query, $read);
    array_walk_recursive($params, function (mixed &$value): void { $value = (string)$value; });
    if ($read !== $params) {
        throw new RuntimeException("a query string changes $json");
    }
    $vectors['build'][] = ['params' => json_decode($json), 'query' => $query];
}
foreach ($parse as $query) {
    parse_str($query, $read);
    $vectors['parse'][] = ['query' => $query, 'params' => $read];
}
foreach ($numbers as $json) {
    $vectors['numbers'][] = ['json' => $json, 'text' => (string)json_decode($json)];
}
set_error_handler(fn () => true);  // a query with too many values is cut with a warning
parse_str(str_repeat('a[]=1&', 5000), $read);
$vectors['limits']['values'] = count($read['a']);
for ($level = 1; $level < 1000; $level++) {
    parse_str('a' . str_repeat('[b]', $level) . '=1', $read);
    if ($read === []) {
        break;
    }
    $vectors['limits']['levels'] = $level + 1;
}
$flags = JSON_PRETTY_PRINT | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE
    | JSON_PRESERVE_ZERO_FRACTION | JSON_THROW_ON_ERROR;
$text = preg_replace_callback('/^( +)/m', fn (array $m): string => str_repeat(' ', intdiv(strlen($m[1]), 4)), json_encode($vectors, $flags));
file_put_contents(__DIR__ . '/vectors.json', "$text\n");
