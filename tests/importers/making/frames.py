"""The page furniture of seven kinds of sites: menus, notices, side columns, footers, scripts."""

NEWS = """<!DOCTYPE html><html lang="{lang}"><head><meta charset="utf-8"><title>{title} | Dagens Kust</title>
<meta property="og:title" content="{title}"><meta name="author" content="{author}">
<meta property="article:published_time" content="{date}T06:00:00+02:00"><script>var dl=[];dl.push("{title}")</script>
<style>.ad{{color:red}}</style></head><body class="page-article">
<div id="cookie-consent" role="dialog"><p>Vi använder kakor för att förbättra din upplevelse. We use cookies.</p>
<button>Godkänn alla</button></div><a class="skip-link" href="#content">Hoppa till innehåll</a>
<header class="site-header"><a href="/">Dagens Kust</a><nav><ul><li><a href="/a">Nyheter</a></li><li><a href="/b">Sport
</a></li><li><a href="/c">Kultur</a></li><li><a href="/d">Väder</a></li></ul></nav><form><input name="q"></form></header>
<main id="content"><article><header><p class="breadcrumbs"><a href="/">Start</a> <a href="/k">Kusten</a></p></header>
{body}
<div class="share-buttons"><a href="#">Dela på Facebook</a> <a href="#">Dela på X</a> <a href="#">Skriv ut</a></div>
</article><aside class="related"><h2>Läs också</h2><ul><li><a href="/1">Nya färjan försenas igen</a></li><li><a href="/2">
Badvattnet rekordvarmt i juli</a></li><li><a href="/3">Så blir helgens väder</a></li></ul></aside></main>
<footer><p>Ansvarig utgivare: Maria Holm. © 2026 Dagens Kust. Alla rättigheter förbehållna.</p><ul><li><a href="/o">Om oss
</a></li><li><a href="/k">Kontakt</a></li><li><a href="/p">Integritetspolicy</a></li></ul></footer></body></html>"""

SOUP = """<html><head><title>{title} - Harbour Gazette</title><meta name="description" content="News from the harbour">
</head><body><div id="wrap"><div id="topbar"><a href="/">Home</a> | <a href="/n">News</a> | <a href="/j">Jobs</a> |
<a href="/ad">Advertise</a></div><div class="leaderboard-ad">ADVERTISEMENT <img src="ad.gif" alt="Buy now"></div>
<div id="cols"><div class="left-rail"><div class="box"><b>Most read</b><br><a href="/1">Ten walks by the sea</a><br>
<a href="/2">Mayor opens new bench</a><br><a href="/3">Crossword</a><br><a href="/4">Letters to the editor</a></div></div>
<div class="story-body">{body}<div class="tags">Tags: <a href="/t1">harbour</a>, <a href="/t2">council</a></div>
<div class="newsletter-signup"><b>Get the Gazette in your inbox</b><br>Enter your email address to subscribe.
<input type="email"><input type="submit" value="Subscribe"></div></div></div>
<div id="footer">Copyright 2026 Harbour Gazette Ltd. <a href="/terms">Terms of use</a> <a href="/privacy">Privacy policy
</a></div></div><script>track("{title}")</script></body></html>"""

DOCS = """<!DOCTYPE html><html lang="{lang}"><head><meta charset="utf-8"><title>{title} — Lantern 4.2 documentation</title>
</head><body><nav class="navbar"><a href="/">Lantern</a><a href="/install">Install</a><a href="/api">API</a></nav>
<div class="document"><div class="sphinxsidebar" role="navigation"><h3>Contents</h3><ul><li><a href="a">Getting started
</a></li><li><a href="b">Configuration</a></li><li><a href="c">Commands</a></li><li><a href="d">Changelog</a></li></ul>
<h3>Previous topic</h3><p><a href="p">Installing</a></p></div><div class="body" role="main">{body}</div></div>
<div class="footer">© Copyright 2020-2026, the Lantern team. Created using a documentation generator.</div>
</body></html>"""

BLOG = """<!DOCTYPE html><html lang="{lang}"><head><title>{title} – Köket vid sjön</title><meta charset="utf-8">
<meta property="og:site_name" content="Köket vid sjön"></head><body class="single post"><div class="site"><div
class="menu-wrap"><ul class="menu"><li><a href="/">Hem</a></li><li><a href="/om">Om mig</a></li><li><a href="/r">Alla recept
</a></li></ul></div><div class="content-area"><div class="entry"><h1 class="entry-title">{title}</h1><div
class="entry-meta">Publicerat av {author}</div><div class="entry-content">{body}</div></div></div><div id="secondary"
class="widget-area sidebar"><div class="widget"><h3>Arkiv</h3><ul><li><a href="/05">maj 2026</a></li><li><a href="/04">
april 2026</a></li><li><a href="/03">mars 2026</a></li></ul></div><div class="widget"><h3>Om bloggen</h3><p>Här skriver jag
om mat och minnen. Prenumerera gärna!</p></div></div><div class="comments-form"><h3>Lämna ett svar</h3><p>Din e-postadress
kommer inte publiceras.</p></div><div class="footer-widgets">Drivs med stolthet. © Köket vid sjön</div></div></body></html>"""

FORUM = """<!DOCTYPE html><html lang="{lang}"><head><meta charset="utf-8"><title>{title} - Båtforum</title></head><body>
<div class="forum-nav"><a href="/">Forum</a> » <a href="/motor">Motor</a> » <a href="/u">Utombordare</a></div><div
class="login-box"><a href="/login">Logga in</a> <a href="/reg">Registrera dig</a></div><h1>{title}</h1><div id="posts">
{body}</div><div class="pagination"><a href="?1">1</a> <a href="?2">2</a> <a href="?3">3</a> <a href="?2">Nästa</a></div><div
class="footer">Båtforum drivs ideellt. <a href="/regler">Regler</a> <a href="/kontakt">Kontakt</a></div></body></html>"""

SHOP = """<!DOCTYPE html><html lang="{lang}"><head><meta charset="utf-8"><title>{title} | Northlight Store</title></head><body>
<div class="promo-banner">Free delivery on orders over 50! Sale ends Sunday.</div><header><a href="/">Northlight</a><nav>
<a href="/new">New in</a><a href="/lamps">Lamps</a><a href="/sale">Sale</a><a href="/cart">Cart (0)</a></nav></header>
<div class="product-page"><div class="gallery"><img src="1.jpg" alt=""><img src="2.jpg" alt=""></div><div
class="product-main">{body}</div><div class="related-products"><h3>You may also like</h3><div><a href="/p1">Brass hook
</a> <a href="/p2">Linen shade</a> <a href="/p3">Oak stool</a></div></div></div><footer><div>Customer service</div>
<a href="/faq">FAQ</a><a href="/returns">Returns</a><div>© Northlight Store 2026</div></footer></body></html>"""

BARE = """<html><head><title>{title}</title></head><body bgcolor="#ffffff"><table width="100%"><tr><td width="150">
<a href="index.html">Start</a><br><a href="bilder.html">Bilder</a><br><a href="gast.html">Gästbok</a><br>
<a href="lankar.html">Länkar</a></td><td>{body}</td></tr></table><hr><small>Sidan uppdaterad 2019 av webbmaster</small>
</body></html>"""
