// Figures and sentences in the language of the page.
const language = document.documentElement.lang || "en";
const UNITS = ["kilobyte", "megabyte", "gigabyte", "terabyte"];
const plain = new Intl.NumberFormat(language);

export const number = (value) => plain.format(value);

function measured(value, unit, digits, width = "short") {
  const style = { style: "unit", unit, unitDisplay: width, maximumFractionDigits: digits };
  return new Intl.NumberFormat(language, style).format(value);
}

export function size(bytes, per = "") {
  let value = bytes / 1000;
  let step = 0;
  while (value >= 999.5 && step < UNITS.length - 1) {
    value /= 1000;
    step += 1;
  }
  return measured(value, UNITS[step] + per, value < 10 ? 1 : 0);
}

export const speed = (bytes) => size(bytes, "-per-second");

export function duration(seconds) {
  if (seconds < 50) return measured(Math.max(5, Math.ceil(seconds / 5) * 5), "second", 0, "long");
  if (seconds < 3300) return measured(Math.ceil(seconds / 60), "minute", 0, "long");
  return measured(seconds / 3600, "hour", 1, "long");
}

// "{done} of {all}" with its figures; what is not given stays empty.
export function fill(template, values) {
  return template.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}
