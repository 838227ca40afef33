"""The known text as a flat OpenDocument file, which LibreOffice typesets."""

from xml.sax.saxutils import escape

_OFFICE = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0"'
)
_COUNTRY = {"sv": "SE", "en": "US"}


def document(parts: list, language: str, columns: int) -> str:
    header = "Skarvholmens vänner" if language == "sv" else "Hollin Street papers"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<office:document {_OFFICE} office:version="1.3" office:mimetype="application/vnd.oasis.opendocument.text">
<office:styles>
 <style:default-style style:family="paragraph">
  <style:paragraph-properties fo:hyphenation-ladder-count="no-limit" fo:text-align="justify"/>
  <style:text-properties style:font-name="Liberation Serif" fo:font-size="12pt" fo:language="{language}"
   fo:country="{_COUNTRY[language]}" fo:hyphenate="true" fo:hyphenation-remain-char-count="3"
   fo:hyphenation-push-char-count="3"/>
 </style:default-style>
 <style:style style:name="Standard" style:family="paragraph"/>
 <style:style style:name="Text_20_body" style:display-name="Text body" style:family="paragraph"
  style:parent-style-name="Standard"><style:paragraph-properties fo:margin-bottom="0.2cm"/></style:style>
 {"".join(_heading(level) for level in (1, 2))}
</office:styles>
<office:automatic-styles>
 <style:page-layout style:name="sheet"><style:page-layout-properties fo:page-width="14.8cm"
  fo:page-height="21cm" fo:margin="1.8cm">{_columns(columns)}</style:page-layout-properties>
  <style:header-style/><style:footer-style/></style:page-layout>
 <style:style style:name="cell" style:family="table-cell"><style:table-cell-properties
  fo:padding="0.1cm" fo:border="0.5pt solid #000000"/></style:style>
 <style:style style:name="incell" style:family="paragraph"><style:paragraph-properties
  fo:text-align="start"/></style:style>
</office:automatic-styles>
<office:master-styles><style:master-page style:name="Standard" style:page-layout-name="sheet">
 <style:header><text:p>{header}</text:p></style:header>
 <style:footer><text:p><text:page-number>1</text:page-number></text:p></style:footer>
</style:master-page></office:master-styles>
<office:body><office:text>{"".join(map(_part, parts))}</office:text></office:body></office:document>"""


def _heading(level: int) -> str:
    return (
        f'<style:style style:name="Heading_20_{level}" style:display-name="Heading {level}" '
        f'style:family="paragraph" style:parent-style-name="Standard" style:default-outline-level="{level}">'
        f'<style:text-properties fo:font-size="{20 - 3 * level}pt" fo:font-weight="bold"/></style:style>'
    )


def _columns(count: int) -> str:
    return f'<style:columns fo:column-count="{count}" fo:column-gap="0.6cm"/>' if count > 1 else ""


def _part(part) -> str:
    kind, value = part
    if kind in ("h1", "h2"):
        level = kind[1]
        return f'<text:h text:style-name="Heading_20_{level}" text:outline-level="{level}">{escape(value)}</text:h>'
    if kind == "list":
        items = "".join(f"<text:list-item>{_body(item)}</text:list-item>" for item in value)
        return f"<text:list>{items}</text:list>"
    if kind == "table":
        rows = "".join(
            f"<table:table-row>{''.join(map(_cell, row))}</table:table-row>" for row in value
        )
        return f'<table:table><table:table-column table:number-columns-repeated="3"/>{rows}</table:table>'
    return _body(value)


def _cell(text: str) -> str:
    paragraph = f'<text:p text:style-name="incell">{escape(text)}</text:p>'
    return f'<table:table-cell table:style-name="cell">{paragraph}</table:table-cell>'


def _body(text: str) -> str:
    return f'<text:p text:style-name="Text_20_body">{escape(text)}</text:p>'
