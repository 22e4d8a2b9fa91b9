// Runs before anything else. No content policy reaches WebRTC, which speaks UDP to whom it likes, and
// none of our pages uses it.
for (const name of ["RTCPeerConnection", "webkitRTCPeerConnection", "mozRTCPeerConnection", "WebTransport"]) {
  Object.defineProperty(globalThis, name, { value: undefined, writable: false, configurable: false });
}
