"""Hashes as other mail systems keep them, of passwords nobody uses."""

SALT = "$6$6EBc3Y7V0xx7UIKJ$"
DIGEST = "5XffI3hPg96A36RI.IEa3SwXf41rbDgX/bLlqc.2ix5N6SGrPEmjtot6r0YR4CMtkujYfR.faBLC5slQ07hHo0"
SHA512_CRYPT = SALT + DIGEST
