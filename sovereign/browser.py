"""What every answer tells the browser besides the content policy (settings.CONTENT_SECURITY_POLICY).

The policy and these together are the browser's wall: a page of ours loads nothing from elsewhere,
sends nothing elsewhere, is shown in no other page, and uses no device, whatever a document says.
"""

#: Off, all of it, for us and for whatever we might embed. Names as Chromium has them; others are
#: skipped by browsers that do not know them. Not here: what our pages use (clipboard-write), what
#: assistive technology uses (aria-notify), and hints that describe a browser (ch-*).
_OFF = (
    "accelerometer", "autoplay", "browsing-topics", "camera", "captured-surface-control",
    "clipboard-read", "compute-pressure", "cross-origin-isolated", "deferred-fetch",
    "deferred-fetch-minimal", "digital-credentials-create", "digital-credentials-get",
    "display-capture", "encrypted-media", "fullscreen", "gamepad", "geolocation", "gyroscope", "hid",
    "identity-credentials-get", "idle-detection", "interest-cohort", "keyboard-map",
    "language-detector", "language-model", "local-fonts", "local-network-access", "magnetometer",
    "microphone", "midi", "on-device-speech-recognition", "otp-credentials", "payment",
    "picture-in-picture", "private-state-token-issuance", "private-state-token-redemption",
    "publickey-credentials-create", "publickey-credentials-get", "screen-wake-lock", "serial",
    "speaker-selection", "storage-access", "summarizer", "sync-xhr", "translator", "unload", "usb",
    "window-management", "xr-spatial-tracking",
)  # fmt: skip

HEADERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Origin-Agent-Cluster": "?1",
    "Permissions-Policy": ", ".join(
        [*(f"{feature}=()" for feature in _OFF), "clipboard-write=(self)"]
    ),
    # A look-up of a name in a link would already leave the machine.
    "X-DNS-Prefetch-Control": "off",
    "X-Permitted-Cross-Domain-Policies": "none",
}

#: For the few answers that come before Django: they hold one sentence and need nothing.
BARE = HEADERS | {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "private, no-store",
}
