"""How files are taken in and read: sizes, time, memory, text recognition, programs that help."""

from sovereign.settings import env

MAX_UPLOAD_MB = env.number("SOVEREIGN_MAX_UPLOAD_MB", 200, least=1)
#: Archives of collections (ingest/moving): unpacked, and for how long a finished one can be downloaded.
IMPORT_MAX_GB = env.number("SOVEREIGN_IMPORT_MAX_GB", 20, least=1)
EXPORT_HOURS = env.number("SOVEREIGN_EXPORT_HOURS", 24, least=1)
MAX_PAGES = env.number("SOVEREIGN_MAX_PAGES", 5_000, least=1)
MAX_TEXT_CHARS = env.number("SOVEREIGN_MAX_TEXT_CHARS", 20_000_000, least=1_000)
PARSE_CPU_SECONDS = env.number("SOVEREIGN_PARSE_CPU_SECONDS", 120, least=1)
PARSE_WALL_SECONDS = env.number("SOVEREIGN_PARSE_WALL_SECONDS", 300, least=1)
PARSE_MEMORY_MB = env.number("SOVEREIGN_PARSE_MEMORY_MB", 1_024, least=128)
#: Files inside one file: of an archive, a mail, an office document.
MAX_ARCHIVE_FILES = env.number("SOVEREIGN_MAX_ARCHIVE_FILES", 2_000, least=1)
#: Text recognition (ingest/parsers/ocr.py): Tesseract's names of languages; "" finds its data itself.
OCR = env.flag("SOVEREIGN_OCR", True)
OCR_LANGUAGES = env.words("SOVEREIGN_OCR_LANGUAGES", "eng,deu")
TESSDATA = env.text("SOVEREIGN_TESSDATA")
OCR_PAGE_SECONDS = env.number("SOVEREIGN_OCR_PAGE_SECONDS", 60, least=5)
#: LibreOffice for old Word and PowerPoint files; "": the one on the path, where there is one.
LIBREOFFICE = env.text("SOVEREIGN_LIBREOFFICE")
CONVERT_SECONDS = env.number("SOVEREIGN_CONVERT_SECONDS", 120, least=10)
#: For the pictures of slides beside an answer (ingest/slides.py); 0: their text alone is shown.
SLIDES_SECONDS = env.number("SOVEREIGN_SLIDES_SECONDS", 60, least=0)
#: A clamd that looks at each upload: unix:PATH or HOST:PORT (ingest/scanner.py). "": nobody does.
CLAMD = env.text("SOVEREIGN_CLAMD")
