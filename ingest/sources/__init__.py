"""Where the company's files live: a folder, WebDAV, IMAP, S3, git. Pure of Django and the database."""
