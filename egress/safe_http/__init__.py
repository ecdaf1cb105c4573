"""HTTP client for URLs that users supply: it connects to public addresses only (protection against SSRF)."""
