"""Pages of others that show notebooks, and what they take away."""

import bleach

# What GitHub's sanitizer of HTML lets through, of what we could use; no style, and no class.
TAGS = """h1 h2 h3 h4 h5 h6 br b i strong em a pre code img tt div ins del sup sub p ol ul table
thead tbody tfoot blockquote dl dt dd kbd q samp var hr li tr td th s strike summary details
caption figure figcaption abbr dfn mark small span"""
EVERYWHERE = """align alt aria-hidden border colspan height open rowspan scope title valign width"""
ATTRIBUTES = {
    "*": EVERYWHERE.split(),
    "a": ["href"],
    "img": ["src"],
}
WITH_PICTURES, WITHOUT = ["https", "data"], ["https"]


def on_github(page, protocols=WITHOUT):
    return bleach.clean(
        page, tags=TAGS.split(), attributes=ATTRIBUTES, protocols=protocols, strip=True
    )
