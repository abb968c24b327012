"""Drop-in for Pulumi's Cloudflare plugin where it cannot be downloaded: `DnsRecord` alone."""
