// Trusted Types: text becomes elements only through here. htmx hands over what the server sent; the
// browser passes it to the policy "default", and DOMPurify takes away what no page of ours contains.
// The policy "sovereign" is for DOMPurify's own parsing, which runs nothing and loads nothing.
"use strict";

if (globalThis.trustedTypes) {
  const inert = trustedTypes.createPolicy("sovereign", {
    createHTML: (text) => text,
    createScriptURL: () => {
      throw new TypeError("No script is loaded from text.");
    },
  });
  const rules = {
    TRUSTED_TYPES_POLICY: inert,
    USE_PROFILES: { html: true },
    ADD_ATTR: ["hx-get", "hx-post", "hx-target", "hx-trigger", "hx-swap", "hx-swap-oob"],
    ADD_URI_SAFE_ATTR: ["hx-target", "hx-trigger", "hx-swap", "hx-swap-oob"],
    FORBID_TAGS: ["style", "audio", "video", "source", "track", "picture", "map", "area"],
    FORBID_ATTR: ["style", "background", "poster", "srcset"],
    // Addresses of our own: no scheme, no other host.
    ALLOWED_URI_REGEXP: /^(?![a-z][a-z0-9+.-]*:|[\\/][\\/])/i,
    // Names of our own fields, such as "name" and "action"; all of them are the server's.
    SANITIZE_DOM: false,
    // Attributes hold quotes of documents, arrows and all; what is written here is parsed as HTML only.
    SAFE_FOR_XML: false,
  };
  trustedTypes.createPolicy("default", {
    createHTML: (text) => {
      const clean = DOMPurify.sanitize(text, rules);
      const { length } = DOMPurify.removed;
      if (length > 0) console.warn(`Left out of a part of this page: ${length}`);
      return clean;
    },
  });
}
