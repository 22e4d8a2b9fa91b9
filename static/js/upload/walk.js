// What was dropped or chosen, file by file. Folders are walked; what programs leave in them is left out.
const SYSTEM = /^(\.DS_Store|\._.*|Thumbs\.db|ehthumbs\.db|desktop\.ini|Icon\r|~\$.*|\.~lock\..*#)$/i;
const FOLDERS = /^(\..*|__MACOSX|\$RECYCLE\.BIN|System Volume Information)$/i;
const HIDDEN = /^\./;

// In a folder hidden files are not meant; one that somebody chose by its name is.
const isLeftOut = (name, path) => SYSTEM.test(name) || (path !== "" && HIDDEN.test(name));

function found(file, path) {
  return isLeftOut(file.name, path) ? { leftOut: true } : { file, name: file.name, path };
}

// The browser forgets the entries when the event is over: this is called within it.
export function dropped(transfer) {
  const items = [...transfer.items].filter(({ kind }) => kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry?.() ?? null);
  if (entries.every((entry) => entry !== null) && entries.length > 0) return walk(entries);
  return chosen([...transfer.files]);
}

// Of a chosen folder the browser gives each file with its place below it.
export function* chosen(files) {
  for (const file of files) {
    const folders = (file.webkitRelativePath || "").split("/").slice(0, -1);
    if (folders.some((name) => FOLDERS.test(name))) yield { leftOut: true };
    else yield found(file, folders.join("/"));
  }
}

export async function* walk(entries) {
  const waiting = [...entries].reverse();
  while (waiting.length > 0) {
    const entry = waiting.pop();
    const path = entry.fullPath.split("/").slice(1, -1).join("/");
    if (!entry.isDirectory) yield await opened(entry, path);
    else if (FOLDERS.test(entry.name)) yield { leftOut: true };
    else for (const child of (await children(entry)).reverse()) waiting.push(child);
  }
}

function opened(entry, path) {
  return new Promise((resolve) => {
    const unreadable = () => resolve({ file: null, name: entry.name, path });
    entry.file((file) => resolve(found(file, path)), unreadable);
  });
}

// The browser gives a hundred at a time, and none when there are no more. A folder that cannot be
// opened counts as one file that cannot be read.
async function children(entry) {
  const reader = entry.createReader();
  const all = [];
  try {
    for (;;) {
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (some.length === 0) return all;
      all.push(...some);
    }
  } catch {
    return [...all, unreadable(entry)];
  }
}

function unreadable(entry) {
  return { ...{ name: entry.name, fullPath: entry.fullPath }, isDirectory: false, file: (_, no) => no() };
}
