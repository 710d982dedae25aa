"""Texts that would do something, were they taken for more than text: the corpus of every test."""

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=//evil.test/x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "</pre></details></td></tr></table><iframe src=//evil.test></iframe>",
    '"><b onmouseover=alert(1) autofocus tabindex=1 onfocus=alert(1)>',
    "' onfocus='alert(1)' autofocus='",
    "javascript:alert(1)",
    "<a href='javascript:alert(1)'>x</a>",
    "<!--<img src=x onerror=alert(1)>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<style>@import '//evil.test/a.css'; *{display:none}</style>",
    "<math><mtext></form><form><mglyph><style></math><img src=//evil.test onerror=alert(1)>",
    "\x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07",
    "\x00\x1b[31m<base href=//evil.test>\ud800\u202e",
    "{{constructor.constructor('alert(1)')()}}${alert(1)}",
    "__proto__",
    "<template><slot onslotchange=alert(1)></template></section></svg><object data=//evil.test>",
)
