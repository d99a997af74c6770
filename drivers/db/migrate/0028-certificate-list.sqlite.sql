-- Certificates are listed by when they were issued.
CREATE INDEX certificate_page ON certificate (issued_ms, id);
